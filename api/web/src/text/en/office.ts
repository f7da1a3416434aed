/** Words of the office. */
import { common } from './common'
import { wallets } from './officeApps'
import { officeCards } from './officeCards'
import { finance } from './officeFinance'
import { fraud } from './officeFraud'
import { printing } from './officePrinting'
import { registry } from './officeRegistry'
import { rules } from './officeRules'
import { settings } from './officeSettings'
import { standing } from './officeStanding'
import { work } from './officeWork'

export default {
  pageTitle: 'Office — Unioncard',
  ...common,
  ...finance,
  ...fraud,
  ...printing,
  ...rules,
  ...registry,
  ...standing,
  ...work,
  officeCards,
  ...settings,
  ...wallets,
  office: {
    title: 'Union office',
    signInHint: 'Sign in with your work login.',
    menu: 'Sections',
    nowhere: 'There is no such page',
    notYours: 'The office isn’t for this role',
    notYoursHint: 'Cashiers work on the till’s page: /till.',
  },
  nav: {
    today: 'Today',
    registry: 'Registry',
    finance: 'Finance',
    members: 'Members',
    cards: 'Cards',
    organisations: 'Organisations',
    imports: 'File import',
    plastic: 'Plastic',
    printing: 'Printing',
    designs: 'Card design',
    ledger: 'Ledger',
    registers: 'Reconciliation',
    rules: 'Cashback rules',
    accounts: 'Members’ accounts',
    adjustments: 'Corrections',
    tiers: 'Tiers',
    partners: 'Partners',
    fraud: 'Fraud watch',
    claims: 'Claims',
    settings: 'Settings',
    wallets: 'Wallet apps',
    union: 'Union',
  },
  table: {
    export: 'Save CSV',
    shown_one: '{{count}} row shown',
    shown_other: '{{count}} rows shown',
  },
  picker: { placeholder: 'Name or code', nothing: 'Nothing found' },
  work: {
    ledger: 'Ledger',
    accounts_one: '{{count}} account',
    accounts_other: '{{count}} accounts',
    differences: 'Differences',
    inRegisters_one: 'in {{count}} recent register',
    inRegisters_other: 'in {{count}} recent registers',
    failed: 'Registers not read',
    working_one: '{{count}} more in work',
    working_other: '{{count}} more in work',
    rules: 'Rules in force',
    drafts_one: '{{count}} waits for approval',
    drafts_other: '{{count}} wait for approval',
    open: 'Suspicious purchases',
    openHint: 'wait for finance to decide',
    unmatched: 'Claims without a till',
    unmatchedHint: 'find the outlet',
    find: 'find, open, give a card',
    statistics: 'tree and statistics',
    upload: 'Upload a file',
    uploadHint: 'members or organisations',
  },
  jobStatus: { queued: 'queued', running: 'running', done: 'done', failed: 'failed' },
}
