/** A rule as a person would say it. */
import type { RuleBody } from '../../../api/types'
import type { Words } from '../../../ui/words'

function percent(plain: string, { language }: Words): string {
  return language.startsWith('ru') ? `${plain.replace('.', ',')}\u00a0%` : `${plain}%`
}

export function earnWords({ earn }: RuleBody, words: Words): string {
  const { t, rubles } = words
  if (earn.percent) return t('rule.percent', { percent: percent(earn.percent, words) })
  if (earn.fixed) return t('rule.fixed', { amount: rubles(earn.fixed) })
  if (earn.per) return t('rule.per', { amount: rubles(earn.amount ?? '0.00'), per: rubles(earn.per) })
  return (earn.ladder ?? [])
    .map((rung) => t('rule.rung', { percent: percent(rung.percent, words), from: rubles(rung.from) }))
    .join('; ')
}

function listed(name: string, values: string[] | undefined, { t }: Words): string {
  return values && values.length > 0 ? t(`rule.${name}`, { list: values.join(', ') }) : ''
}

export function whenWords({ when }: RuleBody, words: Words): string[] {
  const { t, rubles, dayShort } = words
  if (!when) return []
  const [open, shut] = when.hours ?? []
  return [
    when.from ? t('rule.from', { day: dayShort(when.from) }) : '',
    when.until ? t('rule.until', { day: dayShort(when.until) }) : '',
    (when.days ?? []).map((day) => t(`weekday.${day}`)).join(', '),
    open && shut ? t('rule.hours', { open, shut }) : '',
    listed('outlets', when.outlets, words),
    listed('categories', when.categories, words),
    listed('except', when.except_categories, words),
    when.least_amount ? t('rule.least', { amount: rubles(when.least_amount) }) : '',
  ].filter(Boolean)
}

export function memberWords({ when }: RuleBody, { t }: Words): string[] {
  const members = when?.members
  if (!members) return []
  const [from, to] = members.age ?? []
  return [
    members.organisation ? t('rule.organisation', { code: members.organisation }) : '',
    (members.categories ?? []).map((category) => t(`ruleForm.category.${category}`)).join(', '),
    from === undefined ? '' : t('rule.age', { from, to }),
    members.member_for_months ? t('rule.memberFor', { count: members.member_for_months }) : '',
    members.tier ? t('rule.tier', { tier: members.tier }) : '',
  ].filter(Boolean)
}

export function capWords({ caps }: RuleBody, { t, rubles }: Words): string[] {
  const member = caps?.per_member
  return [
    caps?.per_purchase ? t('rule.capPurchase', { amount: rubles(caps.per_purchase) }) : '',
    member ? t(`rule.capMember.${member.period}`, { amount: rubles(member.amount) }) : '',
    caps?.budget ? t('rule.capBudget', { amount: rubles(caps.budget) }) : '',
  ].filter(Boolean)
}

export function fundingWords({ funding }: RuleBody, { t, share }: Words): string {
  const parts = funding ?? []
  if (parts.length === 0) return t('rule.byPartner')
  return parts
    .map(({ by, share: part }) => `${by === 'partner' ? t('rule.byPartner') : by} ${share(part)}`)
    .join(', ')
}
