/** Plastic for a whole organisation: how many cards that would be, ordering them, and how far the orders are. */
import { Alert, Badge, Button, Group, Modal, Paper, Progress, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { CardOrder } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { POLL_MS, STATUS_COLOR, working } from '../parts/FileReport'
import { OrganisationPicker } from '../registry/OrganisationPicker'
import { useMay } from '../staff'
import { MAY_PRINT } from './shapes'

/** Orders shown: those under way are among the newest. */
const SHOWN = 5

export function OrderForAll() {
  const { t } = useWords()
  const may = useMay(MAY_PRINT)
  const [opened, setOpened] = useState(false)
  if (!may) return null
  return (
    <>
      <Button data-testid="order-all" onClick={() => setOpened(true)}>
        {t('printing.order')}
      </Button>
      <Modal
        opened={opened}
        onClose={() => setOpened(false)}
        title={t('printing.order')}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        <Form onDone={() => setOpened(false)} />
      </Modal>
    </>
  )
}

function Form({ onDone }: { onDone: () => void }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [organisation, setOrganisation] = useState<string | null>(null)
  const count = useQuery({
    queryKey: ['cards-wanting', organisation],
    enabled: organisation !== null,
    staleTime: 0,
    queryFn: ({ signal }) =>
      ask(
        api.GET('/v1/card-orders/wanting', {
          params: { query: { organisation: organisation ?? '', kind: 'plastic' } },
          signal,
        }),
      ),
  })
  const placing = useMutation({
    mutationFn: (code: string) =>
      ask(api.POST('/v1/card-orders', { body: { organisation: code, kind: 'plastic' } })),
    onSuccess: async () => {
      say(t('printing.orderPlaced'))
      onDone()
      await queries.invalidateQueries({ queryKey: ['card-orders'] })
    },
  })
  const problem = placing.error ? asProblem(placing.error) : undefined
  const wanting = count.data?.wanting ?? 0
  return (
    <Stack>
      <Text size="sm">{t('printing.orderHint')}</Text>
      <OrganisationPicker
        label={t('printing.orderFor')}
        value={organisation}
        onChange={setOrganisation}
        error={problem?.field('organisation')}
      />
      {organisation ? (
        <Loaded query={count} allowed={MAY_PRINT}>
          {({ members, more }) => (
            <div role="status" data-testid="order-count">
              <Text fw={600}>
                {wanting > 0 ? t('printing.orderCount', { count: wanting }) : t('printing.orderNobody')}
              </Text>
              <Text size="sm" c="dimmed">
                {more ? t('printing.orderMore') : t('printing.orderOf', { members })}
              </Text>
            </div>
          )}
        </Loaded>
      ) : null}
      {problem && !problem.field('organisation') ? <ProblemNote error={problem} allowed={MAY_PRINT} /> : null}
      <CancelOr
        onCancel={onDone}
        disabled={!organisation || !count.data || (wanting === 0 && !count.data.more)}
        loading={placing.isPending}
        data-testid="order-confirm"
        onClick={() => (organisation ? placing.mutate(organisation) : undefined)}
      >
        {t('printing.orderDo')}
      </CancelOr>
    </Stack>
  )
}

/** The newest orders; nothing where there never was one. */
export function Orders() {
  const { t } = useWords()
  const queries = useQueryClient()
  const orders = useQuery({
    queryKey: ['card-orders'],
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => working(status)) ? POLL_MS : false),
    queryFn: async () =>
      (await ask(api.GET('/v1/card-orders', { params: { query: { limit: SHOWN } } }))).items,
  })
  const standing = orders.data?.map(({ id, status }) => `${id} ${status}`).join()
  // What was ordered waits to be printed, also when it was done before anybody saw it begin.
  useEffect(() => {
    if (standing) void queries.invalidateQueries({ queryKey: ['print-queue'] })
  }, [standing, queries])
  if (orders.data?.length === 0) return null
  return (
    <Paper className="surface" p="md">
      <Title order={2} size="h5" mb="xs">
        {t('printing.orders')}
      </Title>
      <Loaded query={orders}>
        {(items) => (
          <Stack gap="sm">
            {items.map((order) => (
              <OneOrder key={order.id} order={order} />
            ))}
          </Stack>
        )}
      </Loaded>
    </Paper>
  )
}

function OneOrder({ order }: { order: CardOrder }) {
  const { t, near, count } = useWords()
  const { status, issued, skipped, members, organisation } = order
  const part = members > 0 ? Math.min(100, ((issued + skipped) / members) * 100) : 100
  return (
    <div data-testid="card-order" data-status={status}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Text size="sm">{organisation.name}</Text>
          <Text size="xs" c="dimmed">
            {near(order.placed_at)} ·{' '}
            {t('printing.orderProgress', { issued: count(issued), skipped: count(skipped) })}
          </Text>
        </div>
        <Badge color={STATUS_COLOR[status] ?? 'gray'}>{t(`jobStatus.${status}`)}</Badge>
      </Group>
      {working(status) ? <Progress mt={6} value={part} animated aria-label={t('printing.orders')} /> : null}
      {status === 'failed' ? (
        <Alert mt={6} color="red" role="alert">
          {t(`printing.orderProblem.${order.problem}`)}
        </Alert>
      ) : null}
    </div>
  )
}
