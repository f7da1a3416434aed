/** One operation: who, when, what, how much; opened, it says why this sum. */
import { Accordion, Group, List, Text } from '@mantine/core'
import type { Operation } from '../api/types'
import { isNegative, isZero } from '../ui/money'
import { useWords } from '../ui/words'

export function OperationRow({ operation, fresh }: { operation: Operation; fresh: boolean }) {
  const { t, rubles, near } = useWords()
  const kind = t(`operations.kind.${operation.kind}`, { defaultValue: operation.kind })
  const title = operation.partner?.name ?? kind.charAt(0).toLocaleUpperCase() + kind.slice(1)
  const income = !isNegative(operation.amount) && !isZero(operation.amount)
  return (
    <Accordion.Item value={operation.id} data-testid="operation" className={fresh ? 'fresh' : ''}>
      <Accordion.Control>
        <Group justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
          <div>
            <Text fw={500} lh={1.35}>
              {title}
            </Text>
            <Text size="sm" c="dimmed">
              {near(operation.at)}
              {operation.partner ? ` · ${kind}` : null}
            </Text>
          </div>
          <div className="number">
            <Text fw={700} className={income ? 'amount-in' : ''}>
              {rubles(operation.amount, true)}
            </Text>
            <When operation={operation} />
          </div>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Why operation={operation} />
      </Accordion.Panel>
    </Accordion.Item>
  )
}

function When({ operation }: { operation: Operation }) {
  const { t, dayShort, exists } = useWords()
  // The dates are those of what the purchase brought.
  if (operation.kind !== 'purchase' || !operation.status) return null
  if (operation.status === 'pending' && operation.available_at) {
    return (
      <Text size="sm" c="amber">
        {t('operations.availableOn', { day: dayShort(operation.available_at) })}
      </Text>
    )
  }
  const key = `operations.status.${operation.status}`
  if (!exists(key)) return null
  return (
    <Text size="sm" c="dimmed">
      {t(key)}
    </Text>
  )
}

function Why({ operation }: { operation: Operation }) {
  const { t, dayAndTime, day } = useWords()
  return (
    <>
      <Text size="sm" fw={600} mb={4}>
        {t('operations.why')}
      </Text>
      {operation.explanation.length > 0 ? (
        <List size="sm" spacing={4} withPadding={false}>
          {operation.explanation.map((sentence) => (
            <List.Item key={sentence}>{sentence}</List.Item>
          ))}
        </List>
      ) : (
        <Text size="sm">{t('operations.noWhy')}</Text>
      )}
      <Text size="sm" c="dimmed" mt="xs">
        {operation.status === 'held' ? `${t('operations.heldHint')} ` : null}
        {dayAndTime(operation.at)}
        {operation.available_at && operation.status === 'pending'
          ? ` · ${t('operations.availableOn', { day: day(operation.available_at) })}`
          : null}
        {operation.expires_on ? ` · ${t('operations.expires', { day: day(operation.expires_on) })}` : null}
      </Text>
    </>
  )
}
