/** What happened to the member's money, newest first, more of it as one scrolls. */
import { Accordion, Button, Center, Paper, Skeleton, Text, Title } from '@mantine/core'
import { useIntersection } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import type { Operation } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { OperationRow } from './OperationRow'
import { operationsOf, useOperations } from './queries'
import { useLiveEvents } from './useLiveEvents'

export function Operations() {
  const { t } = useWords()
  const query = useOperations()
  const queries = useQueryClient()
  useLiveEvents(() => {
    void queries.invalidateQueries({ queryKey: ['operations'] })
    void queries.invalidateQueries({ queryKey: ['balance'] })
    void queries.invalidateQueries({ queryKey: ['claims'] })
  })
  const items = operationsOf(query.data)
  const fresh = useArrivals(query.data ? items : undefined)
  return (
    <section aria-labelledby="operations-title">
      <Title order={2} size="h5" c="dimmed" id="operations-title" mb="xs" px={4}>
        {t('operations.title')}
      </Title>
      <Paper className="surface operations">
        <Loaded query={query} wait={<Skeleton height={220} radius="md" />}>
          {() =>
            items.length > 0 ? (
              <Accordion chevronPosition="right" chevronSize={18}>
                {items.map((operation) => (
                  <OperationRow key={operation.id} operation={operation} fresh={fresh.has(operation.id)} />
                ))}
              </Accordion>
            ) : (
              <Empty title={t('operations.empty')}>{t('operations.emptyHint')}</Empty>
            )
          }
        </Loaded>
        {query.data && query.hasNextPage ? <More query={query} /> : null}
      </Paper>
    </section>
  )
}

/** What came since the page was opened; each arrival is announced. */
function useArrivals(items: Operation[] | undefined): Set<string> {
  const { t, rubles } = useWords()
  const say = useAnnounce()
  const known = useRef<Set<string> | undefined>(undefined)
  const fresh = useRef(new Set<string>())
  const newest = items?.[0]?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new first row is an arrival
  useEffect(() => {
    if (!items) return
    const before = known.current
    known.current = new Set(items.map(({ id }) => id))
    if (!before) return
    const come = items.slice(0, 5).filter(({ id }) => !before.has(id))
    for (const { id } of come) fresh.current.add(id)
    const [first] = come
    if (first) {
      say(
        t('operations.arrived', {
          kind: t(`operations.kind.${first.kind}`, { defaultValue: first.kind }),
          partner: first.partner?.name ?? '',
          amount: rubles(first.amount, true),
        }),
      )
    }
  }, [newest, items === undefined])
  return fresh.current
}

function More({ query }: { query: ReturnType<typeof useOperations> }) {
  const { t } = useWords()
  const { ref, entry } = useIntersection({ rootMargin: '300px' })
  const inSight = entry?.isIntersecting === true
  const { fetchNextPage, isFetching, isFetchNextPageError } = query
  useEffect(() => {
    if (inSight && !isFetching && !isFetchNextPageError) void fetchNextPage()
  }, [inSight, isFetching, isFetchNextPageError, fetchNextPage])
  if (isFetchNextPageError) return <ProblemNote error={query.error} onRetry={() => void fetchNextPage()} />
  return (
    <Center ref={ref} p="sm">
      {isFetching ? (
        <Text size="sm" c="dimmed">
          {t('loading')}
        </Text>
      ) : (
        <Button variant="subtle" onClick={() => void fetchNextPage()}>
          {t('more')}
        </Button>
      )}
    </Center>
  )
}
