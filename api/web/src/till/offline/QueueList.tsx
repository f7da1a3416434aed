/** The purchases that wait for the network, and those the server wouldn't take. */
import { ActionIcon, Badge, Group, Paper, Text, Title } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useWords } from '../../ui/words'
import type { Queued } from './queue'

export function QueueList({ rows, onDrop }: { rows: Queued[]; onDrop: (id: string) => void }) {
  const { t } = useWords()
  if (rows.length === 0) return null
  return (
    <section aria-labelledby="queue-title" data-testid="queue">
      <Title order={2} size="h5" c="dimmed" id="queue-title" mb="xs">
        {t('offline.title', { count: rows.length })}
      </Title>
      <Paper className="surface" p="sm" mb="md">
        {rows.map((row) => (
          <Row key={row.id} row={row} onDrop={onDrop} />
        ))}
      </Paper>
    </section>
  )
}

function Row({ row, onDrop }: { row: Queued; onDrop: (id: string) => void }) {
  const { t, rubles, clock } = useWords()
  return (
    <Group
      justify="space-between"
      wrap="nowrap"
      py={6}
      data-testid="queue-row"
      data-status={row.refused ? 'refused' : 'waiting'}
    >
      <div>
        <Text fw={500}>
          {row.receipt} · {rubles(row.amount)}
        </Text>
        <Text size="sm" c="dimmed">
          {row.refused ?? t('offline.waiting', { at: clock(row.occurredAt) })}
        </Text>
      </div>
      {row.refused ? (
        <Group gap={4} wrap="nowrap">
          <Badge color="red">{t('offline.refused')}</Badge>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            aria-label={t('offline.drop')}
            onClick={() => onDrop(row.id)}
          >
            <IconX size={18} />
          </ActionIcon>
        </Group>
      ) : (
        <Badge color="amber">{t('offline.waits')}</Badge>
      )}
    </Group>
  )
}
