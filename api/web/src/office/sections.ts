/** Who works where. The server decides what is allowed; this only spares people doors that are locked to them. */

export type Section =
  | 'today'
  | 'members'
  | 'cards'
  | 'organisations'
  | 'imports'
  | 'printing'
  | 'designs'
  | 'ledger'
  | 'registers'
  | 'rules'
  | 'accounts'
  | 'adjustments'
  | 'tiers'
  | 'partners'
  | 'fraud'
  | 'claims'
  | 'wallets'
  | 'settings'

const REGISTRY = ['administrator', 'registrar', 'issuer', 'chair', 'auditor']
const FINANCE = ['finance', 'controller', 'auditor']

export const ALLOWED: Record<Section, string[]> = {
  today: [...new Set([...REGISTRY, ...FINANCE, 'manager'])],
  members: REGISTRY,
  cards: REGISTRY,
  organisations: REGISTRY,
  imports: ['administrator', 'registrar', 'auditor'],
  printing: REGISTRY,
  designs: REGISTRY,
  ledger: FINANCE,
  registers: [...FINANCE, 'manager'],
  rules: [...FINANCE, 'manager'],
  accounts: FINANCE,
  adjustments: FINANCE,
  tiers: ['administrator', ...FINANCE],
  partners: ['administrator', ...FINANCE],
  fraud: FINANCE,
  claims: FINANCE,
  wallets: ['administrator', 'auditor'],
  settings: ['administrator', ...FINANCE],
}

/** Who may do what with a member, beyond looking. */
export const MAY = {
  giveCard: ['administrator', 'registrar', 'issuer', 'chair'],
  blockCard: ['administrator', 'registrar', 'issuer', 'chair'],
  keepNumbers: ['administrator', 'registrar', 'issuer'],
  move: ['administrator', 'registrar', 'chair'],
  import: ['administrator', 'registrar'],
  uploadRegister: ['finance', 'manager'],
  explainPurchase: FINANCE,
  decideFraud: ['finance'],
  assignClaim: ['finance'],
  propose: ['finance'],
  approve: ['controller'],
  approveTiers: ['administrator', 'controller'],
  merge: ['administrator', 'registrar'],
  draftRule: ['finance'],
  approveRule: ['controller'],
  simulateRules: ['finance', 'controller'],
  readSimulations: FINANCE,
  changeSettings: ['administrator'],
  changePartner: ['administrator', 'finance'],
  keepWallets: ['administrator'],
}

export const GROUPS: { name: 'registry' | 'plastic' | 'finance' | 'union'; sections: Section[] }[] = [
  { name: 'registry', sections: ['members', 'cards', 'organisations', 'imports'] },
  { name: 'plastic', sections: ['printing', 'designs'] },
  {
    name: 'finance',
    sections: [
      'ledger',
      'registers',
      'accounts',
      'adjustments',
      'rules',
      'tiers',
      'partners',
      'fraud',
      'claims',
    ],
  },
  { name: 'union', sections: ['wallets', 'settings'] },
]

export function maySee(role: string, section: Section): boolean {
  return ALLOWED[section].includes(role)
}
