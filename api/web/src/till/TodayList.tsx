/** What this till did today, newest first; a row opens its refund. */
import { Group, Kbd, Paper, Text, Title, UnstyledButton } from '@mantine/core'
import { isNegative } from '../ui/money'
import { Empty } from '../ui/states'
import { useWords } from '../ui/words'
import type { Done } from './today'

export function TodayList({ rows, onOpen }: { rows: Done[]; onOpen: (receipt: string) => void }) {
  const { t } = useWords()
  return (
    <section aria-labelledby="today-title">
      <Title order={2} size="h5" c="dimmed" id="today-title" mb="xs">
        {t('todayList.title', { count: rows.length })}
      </Title>
      <Paper className="surface">
        {rows.length === 0 ? <Empty title={t('todayList.empty')}>{t('todayList.emptyHint')}</Empty> : null}
        {rows.slice(0, 50).map((row) => (
          <Row key={row.id} row={row} onOpen={onOpen} />
        ))}
      </Paper>
      <Group gap="md" mt="sm" visibleFrom="md">
        <Key name="F2" does={t('till.purchase')} />
        <Key name="F3" does={t('till.refund')} />
        <Key name="F4" does={t('held.title')} />
        <Key name="Esc" does={t('till.again')} />
      </Group>
    </section>
  )
}

function Row({ row, onOpen }: { row: Done; onOpen: (receipt: string) => void }) {
  const { t, rubles, figure, clock } = useWords()
  const refund = row.kind === 'refund'
  return (
    <UnstyledButton
      className="today-row"
      data-testid="today-row"
      title={t('todayList.open', { receipt: row.receipt })}
      onClick={() => onOpen(row.receipt)}
    >
      <div>
        <Text fw={500}>{row.receipt}</Text>
        <Text size="sm" c="dimmed">
          {clock(row.at)}
          {refund ? ` · ${t('todayList.refund')}` : null}
        </Text>
      </div>
      <div className="number">
        <Text>{rubles(refund ? `-${row.amount}` : row.amount)}</Text>
        <Text size="sm" c={isNegative(row.cashback) ? 'dimmed' : 'green'}>
          {figure(row.cashback, true)}
        </Text>
      </div>
    </UnstyledButton>
  )
}

function Key({ name, does }: { name: string; does: string }) {
  return (
    <Text size="sm" c="dimmed">
      <Kbd mr={6}>{name}</Kbd>
      {does}
    </Text>
  )
}
