/** The tier held, and the way to the next; a notice when the account is frozen. */
import { Alert, Group, Paper, Progress, Text } from '@mantine/core'
import { IconSnowflake } from '@tabler/icons-react'
import type { Me } from '../api/types'
import { decimal, kopecks } from '../ui/money'
import { useWords } from '../ui/words'

export function Standing({ me }: { me: Me }) {
  const { t } = useWords()
  return (
    <>
      {me.frozen ? (
        <Alert
          color="amber"
          icon={<IconSnowflake size={20} />}
          title={t('frozen.title')}
          data-testid="frozen"
        >
          {t('frozen.text')}
        </Alert>
      ) : null}
      {me.tier ? <TierCard tier={me.tier} /> : null}
    </>
  )
}

function TierCard({ tier }: { tier: NonNullable<Me['tier']> }) {
  const { t, rubles, day } = useWords()
  const next = tier.next
  return (
    <Paper className="surface" p="md" data-testid="tier">
      <Group justify="space-between" align="baseline">
        <Text c="dimmed">{t('tier.title')}</Text>
        <Text fw={700} size="lg" data-testid="tier-name">
          {tier.name ?? t('tier.none')}
        </Text>
      </Group>
      {next ? (
        <>
          <Progress
            mt="xs"
            value={part(tier.reached, next.missing)}
            aria-label={t('tier.progress')}
            color="green"
          />
          <Text size="sm" mt="xs">
            {t(tier.measure === 'cashback' ? 'tier.missingCashback' : 'tier.missingPurchases', {
              name: next.name,
              amount: rubles(next.missing),
            })}
          </Text>
        </>
      ) : (
        <Text size="sm" mt="xs">
          {t('tier.top')}
        </Text>
      )}
      <Text size="sm" c="dimmed">
        {t('tier.until', { day: day(tier.until) })}
      </Text>
    </Paper>
  )
}

/** How many percent of the way are behind. */
function part(reached: string, missing: string): number {
  const whole = kopecks(reached) + kopecks(missing)
  return whole === 0n ? 100 : Number(decimal((kopecks(reached) * 10_000n) / whole))
}
