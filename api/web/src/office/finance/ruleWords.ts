/** A rule as a person would say it. The terms come as the JSON of the contract; what isn't known is left out. */
import type { Rule } from '../../api/types'
import type { Words } from '../../ui/words'

type Json = Record<string, unknown>

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function percent(value: unknown, { language }: Words): string {
  const plain = text(value) ?? ''
  return language.startsWith('ru') ? `${plain.replace('.', ',')}\u00a0%` : `${plain}%`
}

export function earnWords(rule: Rule, words: Words): string {
  const { t, rubles } = words
  const earn = rule.earn as Json
  if (earn.percent !== undefined) return t('rule.percent', { percent: percent(earn.percent, words) })
  if (earn.fixed !== undefined) return t('rule.fixed', { amount: rubles(text(earn.fixed) ?? '0.00') })
  if (earn.per !== undefined) {
    return t('rule.per', {
      amount: rubles(text(earn.amount) ?? '0.00'),
      per: rubles(text(earn.per) ?? '0.00'),
    })
  }
  const rungs = Array.isArray(earn.ladder) ? (earn.ladder as Json[]) : []
  return rungs
    .map((rung) =>
      t('rule.rung', { percent: percent(rung.percent, words), from: rubles(text(rung.from) ?? '0.00') }),
    )
    .join('; ')
}

export function whenWords(rule: Rule, { t, rubles, dayShort }: Words): string[] {
  const when = (rule.when ?? {}) as Json
  const [open, shut] = list(when.hours)
  const least = text(when.least_amount)
  const from = text(when.from)
  const until = text(when.until)
  return [
    from ? t('rule.from', { day: dayShort(from) }) : '',
    until ? t('rule.until', { day: dayShort(until) }) : '',
    list(when.days)
      .map((day) => t(`weekday.${day}`))
      .join(', '),
    open && shut ? t('rule.hours', { open, shut }) : '',
    list(when.outlets).length > 0 ? t('rule.outlets', { list: list(when.outlets).join(', ') }) : '',
    list(when.categories).length > 0 ? t('rule.categories', { list: list(when.categories).join(', ') }) : '',
    list(when.except_categories).length > 0
      ? t('rule.except', { list: list(when.except_categories).join(', ') })
      : '',
    least ? t('rule.least', { amount: rubles(least) }) : '',
  ].filter(Boolean)
}

export function capWords(rule: Rule, { t, rubles }: Words): string[] {
  const caps = (rule.caps ?? {}) as Json
  const member = (caps.per_member ?? {}) as Json
  const purchase = text(caps.per_purchase)
  const amount = text(member.amount)
  const budget = text(caps.budget)
  return [
    purchase ? t('rule.capPurchase', { amount: rubles(purchase) }) : '',
    amount ? t(`rule.capMember.${text(member.period) ?? 'month'}`, { amount: rubles(amount) }) : '',
    budget ? t('rule.capBudget', { amount: rubles(budget) }) : '',
  ].filter(Boolean)
}

export function fundingWords(rule: Rule, { t, share }: Words): string {
  const parts = rule.funding ?? []
  if (parts.length === 0) return t('rule.byPartner')
  return parts
    .map(({ by, share: part }) => `${by === 'partner' ? t('rule.byPartner') : by} ${share(part)}`)
    .join(', ')
}
