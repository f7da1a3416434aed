/** The rules editor's fields as people fill them in, and the way to the API's rule and back. */
import type { FieldError } from '../../../api/problem'
import type { RuleBody } from '../../../api/types'
import { typedAmount } from '../../../ui/money'
import { percentOf } from '../percent'

export type Earn = 'percent' | 'fixed' | 'per' | 'ladder'
export const EARNS: Earn[] = ['percent', 'fixed', 'per', 'ladder']
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
export const MEMBER_CATEGORIES = ['worker', 'student', 'pensioner', 'unspecified']
export const PERIODS = ['day', 'month', 'year']

export interface RuleForm {
  name: string
  partner: string
  priority: string
  stacking: string
  from: string
  until: string
  days: string[]
  open: string
  shut: string
  outlets: string[]
  categories: string[]
  except: string[]
  least: string
  organisation: string | null
  members: string[]
  ageFrom: string
  ageTo: string
  memberFor: string
  tier: string
  earn: Earn
  percent: string
  fixed: string
  per: string
  amount: string
  rungs: { from: string; percent: string }[]
  capPurchase: string
  capMember: string
  capPeriod: string
  budget: string
  /** Shares in percent. */
  funding: { by: string; share: string }[]
  hold: string
  life: string
  forever: boolean
}

export const NEW_RULE: RuleForm = {
  name: '',
  partner: '',
  priority: '0',
  stacking: 'exclusive',
  from: '',
  until: '',
  days: [],
  open: '',
  shut: '',
  outlets: [],
  categories: [],
  except: [],
  least: '',
  organisation: null,
  members: [],
  ageFrom: '',
  ageTo: '',
  memberFor: '',
  tier: '',
  earn: 'percent',
  percent: '5',
  fixed: '',
  per: '100',
  amount: '1',
  rungs: [
    { from: '0', percent: '1' },
    { from: '5000', percent: '3' },
  ],
  capPurchase: '',
  capMember: '',
  capPeriod: 'month',
  budget: '',
  funding: [{ by: 'partner', share: '100' }],
  hold: '14',
  life: '12',
  forever: false,
}

/** What was typed, as the API writes decimals; what isn't one goes as it is, for the server to say what is wrong. */
function decimal(text: string): string {
  return text.replace(/[\s\u00a0\u202f%]/g, '').replace(',', '.')
}

function money(text: string): string {
  return typedAmount(text) ?? decimal(text)
}

/** The fields that want a whole number, and what one looks like there. */
const NUMBERS = {
  priority: /^-?\d{1,9}$/,
  ageFrom: /^\d{1,3}$/,
  ageTo: /^\d{1,3}$/,
  memberFor: /^\d{1,4}$/,
  hold: /^\d{1,4}$/,
  life: /^\d{1,4}$/,
}
export type NumberName = keyof typeof NUMBERS

/** A minus as people type it is the computer's. */
function bare(text: string): string {
  return text.trim().replace('\u2212', '-')
}

/** A field's number; `undefined` where it is empty, or no number. */
function whole(form: RuleForm, name: NumberName): number | undefined {
  const text = bare(form[name])
  return NUMBERS[name].test(text) ? Number(text) : undefined
}

/** The fields that hold something else than a number. A rule with any of them is not sent: nobody guesses what was meant. */
export function unreadable(form: RuleForm): NumberName[] {
  const names = Object.keys(NUMBERS) as NumberName[]
  const asked = names.filter((name) => name !== 'life' || !form.forever)
  return asked.filter((name) => bare(form[name]) !== '' && whole(form, name) === undefined)
}

/** `{ name: value }`, or nothing without a value: the server then takes what is usual. */
function given<Name extends string>(name: Name, value: number | undefined): { [key in Name]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]?: number })
}

/** "60" of a hundred → "0.6" of one, digit by digit. */
export function shareOfOne(percent: string): string {
  const [units = '', part = ''] = decimal(percent).split('.')
  if (!/^\d+$/.test(units) || !/^\d*$/.test(part)) return decimal(percent)
  const digits = units.padStart(3, '0')
  const cut = digits.length - 2
  const fraction = `${digits.slice(cut)}${part}`.replace(/0+$/, '')
  return `${digits.slice(0, cut).replace(/^0+(?=\d)/, '')}${fraction ? `.${fraction}` : ''}`
}

function earnOf(form: RuleForm): RuleBody['earn'] {
  switch (form.earn) {
    case 'percent':
      return { percent: decimal(form.percent) }
    case 'fixed':
      return { fixed: money(form.fixed) }
    case 'per':
      return { per: money(form.per), amount: money(form.amount) }
    case 'ladder':
      return {
        ladder: form.rungs.map(({ from, percent }) => ({ from: money(from), percent: decimal(percent) })),
      }
  }
}

/** The rule the form says; what is left empty is left out, and so is what `unreadable` names. */
export function ruleOf(form: RuleForm): RuleBody {
  const when: NonNullable<RuleBody['when']> = {}
  if (form.from) when.from = form.from
  if (form.until) when.until = form.until
  if (form.days.length > 0) when.days = DAYS.filter((day) => form.days.includes(day))
  if (form.open || form.shut) when.hours = [form.open, form.shut]
  if (form.outlets.length > 0) when.outlets = form.outlets
  if (form.categories.length > 0) when.categories = form.categories
  if (form.except.length > 0) when.except_categories = form.except
  if (form.least.trim()) when.least_amount = money(form.least)
  const members: NonNullable<typeof when.members> = {}
  if (form.organisation) members.organisation = form.organisation
  if (form.members.length > 0) members.categories = form.members
  const age = [whole(form, 'ageFrom'), whole(form, 'ageTo')]
  if (age.some((one) => one !== undefined)) members.age = [age[0] ?? 0, age[1] ?? 150]
  Object.assign(members, given('member_for_months', whole(form, 'memberFor')))
  if (form.tier.trim()) members.tier = form.tier.trim()
  if (Object.keys(members).length > 0) when.members = members
  const caps: NonNullable<RuleBody['caps']> = {}
  if (form.capPurchase.trim()) caps.per_purchase = money(form.capPurchase)
  if (form.capMember.trim()) caps.per_member = { amount: money(form.capMember), period: form.capPeriod }
  if (form.budget.trim()) caps.budget = money(form.budget)
  return {
    name: form.name.trim(),
    partner: form.partner,
    ...given('priority', whole(form, 'priority')),
    stacking: form.stacking,
    when,
    earn: earnOf(form),
    caps,
    funding: form.funding.map(({ by, share }) => ({ by: by.trim(), share: shareOfOne(share) })),
    ...given('hold_days', whole(form, 'hold')),
    ...(form.forever ? { life_months: null } : given('life_months', whole(form, 'life'))),
  }
}

/** The form of a rule that is there. */
export function formOf(rule: RuleBody): RuleForm {
  const { when = {}, caps = {}, earn } = rule
  const members = when.members ?? {}
  const kind = EARNS.find((name) => earn[name] !== undefined && earn[name] !== null) ?? 'percent'
  return {
    ...NEW_RULE,
    name: rule.name,
    partner: rule.partner,
    priority: String(rule.priority ?? 0),
    stacking: rule.stacking ?? 'exclusive',
    from: when.from ?? '',
    until: when.until ?? '',
    days: when.days ?? [],
    open: when.hours?.[0] ?? '',
    shut: when.hours?.[1] ?? '',
    outlets: when.outlets ?? [],
    categories: when.categories ?? [],
    except: when.except_categories ?? [],
    least: when.least_amount ?? '',
    organisation: members.organisation ?? null,
    members: members.categories ?? [],
    ageFrom: members.age?.[0] === undefined ? '' : String(members.age[0]),
    ageTo: members.age?.[1] === undefined ? '' : String(members.age[1]),
    memberFor: members.member_for_months == null ? '' : String(members.member_for_months),
    tier: members.tier ?? '',
    earn: kind,
    percent: earn.percent ?? '',
    fixed: earn.fixed ?? '',
    per: earn.per ?? '',
    amount: earn.amount ?? '',
    rungs: earn.ladder ?? NEW_RULE.rungs,
    capPurchase: caps.per_purchase ?? '',
    capMember: caps.per_member?.amount ?? '',
    capPeriod: caps.per_member?.period ?? 'month',
    budget: caps.budget ?? '',
    funding: (rule.funding ?? [{ by: 'partner', share: '1' }]).map(({ by, share }) => ({
      by,
      share: percentOf(share),
    })),
    hold: String(rule.hold_days ?? 14),
    life: String(rule.life_months ?? 12),
    forever: rule.life_months === null,
  }
}

/** What is wrong at a field or below it, by its path such as `when/hours`. */
export function errorAt(errors: FieldError[], path: string, inside = ''): string | undefined {
  const whole = `${inside}${path}`
  const found = errors.find(({ pointer }) => {
    const at = pointer.replace(/^#?\/?/, '')
    return at === whole || at.startsWith(`${whole}/`)
  })
  return found?.detail
}
