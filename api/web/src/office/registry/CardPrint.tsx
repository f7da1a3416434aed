/** The way of a plastic card through print: which batches, what went wrong, who did it; and handing it out from here. */
import { Anchor, Button, Stack, Text, Timeline, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { CardRecord } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { MAY_HAND_OUT } from '../printing/shapes'
import { ALLOWED } from '../sections'
import { useMay } from '../staff'

export function CardPrint({ card }: { card: CardRecord }) {
  const { t, dayAndTime } = useWords()
  const trace = useQuery({
    queryKey: ['card', card.id, 'print'],
    queryFn: async () => {
      const params = { path: { id: card.id }, query: { limit: 200 } }
      return (await ask(api.GET('/v1/cards/{id}/print-history', { params }))).items
    },
  })
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('officeCards.print')}
      </Title>
      <Loaded query={trace} allowed={ALLOWED.cards}>
        {(events) => (
          <Stack gap="sm">
            {events.length === 0 ? (
              <Text size="sm" c="dimmed">
                {t('officeCards.neverPrinted')}
              </Text>
            ) : null}
            <Timeline bulletSize={12} lineWidth={2} active={events.length}>
              {events.map((event) => (
                <Timeline.Item
                  key={`${event.batch} ${event.event} ${event.at}`}
                  title={t(`officeCards.printEvent.${event.event}`)}
                  data-testid="print-event"
                >
                  <Text size="sm" c="dimmed">
                    {dayAndTime(event.at)} · {event.email ?? t('officeCards.by.program')}
                  </Text>
                  {event.event === 'made' ? (
                    <Anchor component={Link} href={`/printing/${event.batch}`} size="sm">
                      {t('officeCards.openBatch')}
                    </Anchor>
                  ) : null}
                  {event.note ? <Text size="sm">{event.note}</Text> : null}
                </Timeline.Item>
              ))}
            </Timeline>
            <HandOut card={card} batch={waitingIn(events)} />
          </Stack>
        )}
      </Loaded>
    </div>
  )
}

/** The batch a card waits in to be handed out: it has come back, and the card was neither given nor spoiled since. */
export function waitingIn(events: { event: string; batch: string }[]): string | undefined {
  const last = events.at(-1)
  return last?.event === 'received' ? last.batch : undefined
}

function HandOut({ card, batch }: { card: CardRecord; batch: string | undefined }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const may = useMay(MAY_HAND_OUT)
  const handing = useMutation({
    mutationFn: (id: string) =>
      ask(
        api.POST('/v1/print-batches/{id}/hand-out', { params: { path: { id } }, body: { cards: [card.id] } }),
      ),
    onSuccess: async () => {
      say(t('printing.handedOut', { count: 1 }))
      const stale = ['card', 'cards', 'member', 'print-batch', 'print-batches']
      await Promise.all(stale.map((key) => queries.invalidateQueries({ queryKey: [key] })))
    },
  })
  if (!may || !batch || card.status !== 'issued') return null
  return (
    <div>
      {handing.error ? <ProblemNote error={handing.error} allowed={MAY_HAND_OUT} /> : null}
      <Button
        size="xs"
        loading={handing.isPending}
        data-testid="card-hand-out"
        onClick={() => handing.mutate(batch)}
      >
        {t('officeCards.handOut')}
      </Button>
    </div>
  )
}
