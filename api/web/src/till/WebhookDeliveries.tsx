/** What a webhook was told and is to be told, newest first; each can be sent again. */
import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import type { Webhook, WebhookDelivery } from '../api/types'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

const PAGE = 30
/** Messages are on their way for seconds: the list is looked at again while one is. */
const LOOK_MS = 2_000
/** Kept by the server no longer. */
const KEPT_MS = 31 * 86_400_000

type Again = { delivery: string } | { since: string; status: string }

export function WebhookDeliveries({ hook, onBack }: { hook: Webhook; onBack: () => void }) {
  const { t } = useWords()
  const queries = useQueryClient()
  const queryKey = ['webhooks', hook.id, 'deliveries']
  const list = useInfiniteQuery({
    queryKey,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      ask(
        api.GET('/v1/webhooks/{id}/deliveries', {
          params: {
            path: { id: hook.id },
            query: { limit: PAGE, ...(pageParam ? { after: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages[0]?.items.some(({ status, attempts }) => status === 'waiting' && attempts < 2)
        ? LOOK_MS
        : false,
  })
  const sending = useMutation({
    mutationFn: (body: Again) =>
      ask(api.POST('/v1/webhooks/{id}/replay', { params: { path: { id: hook.id } }, body })),
    onSuccess: () => queries.invalidateQueries({ queryKey }),
  })
  const items = list.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Stack data-testid="hook-messages">
      <Group justify="space-between">
        <Text fw={600} className="hook-url">
          {hook.url}
        </Text>
        <Button size="xs" variant="default" onClick={onBack}>
          {t('hooks.back')}
        </Button>
      </Group>
      {sending.error ? <ProblemNote error={sending.error} /> : null}
      {sending.data ? (
        <Text size="sm" role="status">
          {t('hooks.sentAgain', { count: sending.data.replayed })}
        </Text>
      ) : null}
      <Loaded query={list}>
        {() =>
          items.length > 0 ? (
            <>
              {items.map((delivery) => (
                <Row
                  key={delivery.id}
                  delivery={delivery}
                  onAgain={() => sending.mutate({ delivery: delivery.id })}
                />
              ))}
              <Group>
                {list.hasNextPage ? (
                  <Button
                    size="xs"
                    variant="subtle"
                    loading={list.isFetchingNextPage}
                    onClick={() => void list.fetchNextPage()}
                  >
                    {t('more')}
                  </Button>
                ) : null}
                {items.some(({ status }) => status === 'parked') ? (
                  <Button
                    size="xs"
                    variant="default"
                    loading={sending.isPending}
                    data-testid="hook-all-again"
                    onClick={() =>
                      sending.mutate({
                        since: new Date(Date.now() - KEPT_MS).toISOString(),
                        status: 'parked',
                      })
                    }
                  >
                    {t('hooks.allAgain')}
                  </Button>
                ) : null}
              </Group>
            </>
          ) : (
            <Empty title={t('hooks.noDeliveries')} />
          )
        }
      </Loaded>
    </Stack>
  )
}

const COLOUR: Record<string, string> = { delivered: 'green', waiting: 'amber', parked: 'red' }

function Row({ delivery, onAgain }: { delivery: WebhookDelivery; onAgain: () => void }) {
  const { t, stamp } = useWords()
  const { status, failure, attempts, next_at } = delivery
  const told = [
    attempts > 0 ? t('hooks.attempts', { count: attempts }) : null,
    failure ? t(`hooks.failure.${failure}`, { answered: delivery.answered, defaultValue: failure }) : null,
    status === 'waiting' && failure && next_at ? t('hooks.next', { at: stamp(next_at) }) : null,
  ]
  return (
    <div className="hook-row" data-testid="hook-message" data-status={status}>
      <div>
        <Text size="sm" fw={500}>
          {t(`hooks.event.${delivery.event}`, { defaultValue: delivery.event })}
          {receipt(delivery.body)}
        </Text>
        <Text size="xs" c="dimmed">
          {[stamp(delivery.created_at), ...told].filter(Boolean).join(' · ')}
        </Text>
      </div>
      <Badge color={COLOUR[status] ?? 'gray'}>{t(`hooks.status.${status}`, { defaultValue: status })}</Badge>
      {status === 'waiting' ? null : (
        <Button size="compact-xs" variant="subtle" data-testid="hook-again" onClick={onAgain}>
          {t('hooks.again')}
        </Button>
      )}
    </div>
  )
}

/** The receipt a message is about, if it is about one. */
function receipt(body: string): string {
  try {
    const { data } = JSON.parse(body) as { data?: { receipt?: string } }
    return data?.receipt ? ` · ${data.receipt}` : ''
  } catch {
    return ''
  }
}
