/** A case's evidence in words. */
import type { FraudCase } from '../../api/types'
import type { Words } from '../../ui/words'

interface Evidence {
  rule: string
  seen: Record<string, unknown>
  limit: Record<string, unknown>
}

export function evidenceOf(found: FraudCase): Evidence[] {
  return found.evidence as unknown as Evidence[]
}

export function struckRules(found: FraudCase, { t }: Words): string {
  return evidenceOf(found)
    .map(({ rule }) => t(`fraud.rule.${rule}`, { defaultValue: rule }))
    .join(', ')
}

/** "9 purchases of 52 000 ₽; up to 8 purchases, 50 000 ₽ are fine" */
export function evidenceWords({ seen, limit }: Evidence, words: Words): string {
  const of = (facts: Record<string, unknown>) => factsWords(facts, words)
  const fine = of(limit)
  return [of(seen), fine ? words.t('fraud.fine', { limit: fine }) : ''].filter(Boolean).join('; ')
}

function factsWords(facts: Record<string, unknown>, { t, rubles }: Words): string {
  return [
    Array.isArray(facts.towns) ? facts.towns.join(' — ') : '',
    typeof facts.purchases === 'number' ? t('fraud.purchases', { count: facts.purchases }) : '',
    typeof facts.refunds === 'number' ? t('fraud.refunds', { count: facts.refunds }) : '',
    typeof facts.amount === 'string' ? rubles(facts.amount) : '',
    typeof facts.minutes === 'number' ? t('fraud.minutes', { count: facts.minutes }) : '',
    typeof facts.days === 'number' ? t('fraud.days', { count: facts.days }) : '',
  ]
    .filter(Boolean)
    .join(', ')
}
