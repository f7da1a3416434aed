/** Tries changes of rules on past purchases: the period, the progress, what was found. */
import { Button, Checkbox, Group, Paper, Progress, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { api, ask } from '../../../api/client'
import { asProblem } from '../../../api/problem'
import type { Simulation, SimulationBody } from '../../../api/types'
import { isoDay } from '../../../ui/moment'
import { Loading, ProblemNote } from '../../../ui/states'
import { useWords } from '../../../ui/words'
import { MAY } from '../../sections'

// The charts weigh more than the rest of the office's finance: they come when there is something to draw.
const SimulationReport = lazy(() => import('./SimulationReport'))

type Changes = Pick<SimulationBody, 'drafts' | 'replace' | 'end'>

const POLL_MS = 700
const DAY_MS = 86_400_000

export function SimulationPanel({ changes }: { changes: Changes }) {
  const { t } = useWords()
  const [from, setFrom] = useState(() => isoDay(new Date(Date.now() - 30 * DAY_MS)))
  const [to, setTo] = useState(() => isoDay(new Date()))
  const [keepDates, setKeepDates] = useState(false)
  const starting = useMutation({
    mutationFn: (body: SimulationBody) => ask(api.POST('/v1/rules/simulate', { body })),
  })
  const problem = starting.error ? asProblem(starting.error) : undefined
  const error = (name: string) => {
    const text = problem?.field(name)
    return text ? { error: text } : {}
  }
  return (
    <Paper className="surface" p="md" mt="md" data-testid="simulation">
      <Stack gap="md">
        <div>
          <Title order={2} size="h4">
            {t('simulation.title')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('simulation.hint')}
          </Text>
        </div>
        <Group align="flex-end">
          <TextInput
            type="date"
            label={t('simulation.from')}
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            {...error('from')}
          />
          <TextInput
            type="date"
            label={t('simulation.to')}
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            {...error('to')}
          />
          <Button
            variant="light"
            data-testid="simulate"
            loading={starting.isPending}
            onClick={() => starting.mutate({ from, to, ...changes, keep_dates: keepDates })}
          >
            {t('simulation.run')}
          </Button>
        </Group>
        <Checkbox
          label={t('simulation.keepDates')}
          checked={keepDates}
          onChange={(event) => setKeepDates(event.currentTarget.checked)}
        />
        {problem && !problem.field('from') && !problem.field('to') ? (
          <ProblemNote error={problem} allowed={MAY.simulateRules} />
        ) : null}
        {starting.data ? <Running key={starting.data.id} first={starting.data} /> : null}
      </Stack>
    </Paper>
  )
}

function Running({ first }: { first: Simulation }) {
  const { t, count } = useWords()
  const working = (simulation: Simulation) => ['queued', 'running'].includes(simulation.status)
  const query = useQuery({
    queryKey: ['simulation', first.id],
    initialData: first,
    staleTime: 0,
    enabled: working(first),
    refetchInterval: ({ state }) => (state.data && working(state.data) ? POLL_MS : false),
    queryFn: ({ signal }) =>
      ask(api.GET('/v1/rules/simulations/{id}', { params: { path: { id: first.id } }, signal })),
  })
  const simulation = query.data
  if (simulation.status === 'done') {
    return (
      <Suspense fallback={<Loading />}>
        <SimulationReport report={simulation} />
      </Suspense>
    )
  }
  if (simulation.status === 'failed') {
    return (
      <Text c="red" role="alert">
        {t('simulation.failed')} {simulation.problem}
      </Text>
    )
  }
  const of = simulation.of ?? 0
  return (
    <div>
      <Progress
        value={of > 0 ? (simulation.seen / of) * 100 : 0}
        animated
        aria-label={t('simulation.title')}
      />
      <Text size="sm" c="dimmed" mt={4} role="status">
        {of > 0
          ? t('simulation.progress', { seen: count(simulation.seen), of: count(of) })
          : t('simulation.queued')}
      </Text>
    </div>
  )
}
