/** What expires within a month, day by day, so that it can be spent before. */
import { Accordion, Badge, Group, Paper, Text } from '@mantine/core'
import { useWords } from '../ui/words'
import type { Soon } from './expiring'

const ROWS_MAX = 31

export function ExpiringList({ soon }: { soon: Soon }) {
  const { t, rubles, day } = useWords()
  return (
    <Paper className="surface">
      <Accordion chevronSize={18}>
        <Accordion.Item value="expiring" data-testid="expiring">
          <Accordion.Control>
            <Group justify="space-between" wrap="nowrap" gap="sm">
              <Text fw={500} {...(soon.urgent ? { c: 'amber' } : {})}>
                {t('balance.expiringSoon')}
              </Text>
              <Text fw={700} className="number">
                {rubles(soon.total)}
              </Text>
            </Group>
          </Accordion.Control>
          <Accordion.Panel>
            {soon.days.slice(0, ROWS_MAX).map(({ amount, on, urgent }) => (
              <Group
                key={on}
                justify="space-between"
                align="flex-start"
                wrap="nowrap"
                py={4}
                data-testid="expiring-day"
              >
                <div>
                  <Text size="sm">{t('balance.until', { day: day(on) })}</Text>
                  {urgent ? <Badge color="amber">{t('balance.urgent')}</Badge> : null}
                </div>
                <Text size="sm" className="number">
                  {rubles(amount)}
                </Text>
              </Group>
            ))}
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Paper>
  )
}
