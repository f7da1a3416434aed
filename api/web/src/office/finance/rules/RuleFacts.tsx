/** A version of a rule in words. */
import { Text } from '@mantine/core'
import type { RuleBody } from '../../../api/types'
import { useWords } from '../../../ui/words'
import { Facts } from '../../parts/Facts'
import { capWords, earnWords, fundingWords, memberWords, whenWords } from './ruleWords'

export const STATUS_COLOR: Record<string, string> = {
  active: 'green',
  scheduled: 'amber',
  draft: 'amber',
  ended: 'gray',
}

export function RuleFacts({ rule, partner }: { rule: RuleBody & { version: number }; partner: string }) {
  const words = useWords()
  const { t } = words
  const lines = (all: string[], none = t('rules.none')) =>
    all.length > 0
      ? all.map((line) => (
          <Text key={line} size="sm">
            {line}
          </Text>
        ))
      : none
  return (
    <Facts
      rows={[
        [t('rules.partner'), partner],
        [t('rules.earn'), earnWords(rule, words)],
        [t('rules.when'), lines(whenWords(rule, words))],
        [t('rules.members'), lines(memberWords(rule, words), t('rules.everybody'))],
        [t('rules.caps'), lines(capWords(rule, words))],
        [t('rules.funding'), fundingWords(rule, words)],
        [t('rules.stacking'), t(`stacking.${rule.stacking ?? 'exclusive'}`)],
        [t('rules.hold'), t('rules.days', { count: rule.hold_days ?? 14 })],
        [
          t('rules.life'),
          rule.life_months === null
            ? t('rules.forever')
            : t('rules.months', { count: rule.life_months ?? 12 }),
        ],
        [t('rules.version'), rule.version],
      ]}
    />
  )
}
