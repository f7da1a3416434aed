/** A simulation as it goes: how far it is, what it found, or why it could not be done. */
import { Progress, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { api, ask } from '../../../api/client'
import type { Simulation } from '../../../api/types'
import { Loaded, Loading } from '../../../ui/states'
import { useWords } from '../../../ui/words'
import { MAY } from '../../sections'

// The charts weigh more than the rest of the office's finance: they come when there is something to draw.
const SimulationReport = lazy(() => import('./SimulationReport'))

const POLL_MS = 700

export function isWorking({ status }: { status: string }): boolean {
  return status === 'queued' || status === 'running'
}

/** Asked again until it is over; `first` is what is known of it already. */
export function useSimulation(id: string, first?: Simulation) {
  return useQuery({
    queryKey: ['simulation', id],
    ...(first ? { initialData: first } : {}),
    staleTime: 0,
    enabled: first === undefined || isWorking(first),
    refetchInterval: ({ state }) => (state.data && isWorking(state.data) ? POLL_MS : false),
    queryFn: ({ signal }) => ask(api.GET('/v1/rules/simulations/{id}', { params: { path: { id } }, signal })),
  })
}

export function SimulationRun({ query }: { query: ReturnType<typeof useSimulation> }) {
  return (
    <Loaded query={query} allowed={MAY.readSimulations}>
      {(simulation) => <Found simulation={simulation} />}
    </Loaded>
  )
}

function Found({ simulation }: { simulation: Simulation }) {
  const { t, count } = useWords()
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
          : t('simulation.queued')}{' '}
        {t('simulation.leave')}
      </Text>
    </div>
  )
}
