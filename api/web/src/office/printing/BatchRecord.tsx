/** A batch: its files, its way, its cards to be handed out or printed again. */
import { Anchor, Badge, Button, Checkbox, Group, Modal, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Download } from '../parts/Download'
import { download } from '../parts/files'
import { More } from '../parts/More'
import { usePaged } from '../parts/usePaged'
import { cardNumber } from '../registry/people'
import { useMay } from '../staff'
import { BATCH_COLOR, type Batch, ITEM_COLOR, MAY_HAND_OUT, MAY_PRINT, type PrintedCard } from './shapes'

export function BatchRecord({ id }: { id: string }) {
  const batch = useQuery({
    queryKey: ['print-batch', id],
    queryFn: () => ask(api.GET('/v1/print-batches/{id}', { params: { path: { id } } })),
    // Its files are drawn in the background; the list shows them once they are there.
    refetchInterval: ({ state }) => (state.data && beingDrawn(state.data) ? 2_000 : false),
  })
  return <Loaded query={batch}>{(data) => <Whole batch={data} />}</Loaded>
}

/** Plastic that came back has been drawn; its files are gone in time, and drawn anew for whoever asks. */
function beingDrawn(batch: Batch): boolean {
  return !batch.files_ready && (batch.status === 'made' || batch.status === 'sent')
}

function Whole({ batch }: { batch: Batch }) {
  const { t } = useWords()
  return (
    <Stack gap="md">
      <div>
        <Group gap="xs">
          <Text fw={600}>{t('printing.numbered', { number: batch.number })}</Text>
          <Badge color={BATCH_COLOR[batch.status] ?? 'gray'}>
            {t(`printing.batchStatus.${batch.status}`)}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed">
          {batch.organisation.name} · {t('printing.cards', { count: batch.cards })} ·{' '}
          {t('printing.dots', { dpi: batch.dpi })}
        </Text>
      </div>
      <Files batch={batch} />
      <Way batch={batch} />
      <Cards batch={batch} />
    </Stack>
  )
}

function Files({ batch }: { batch: Batch }) {
  const { t } = useWords()
  const path = `/v1/print-batches/${batch.id}/files`
  const may = useMay(MAY_HAND_OUT)
  // Whoever sees some of its cards gets nobody else's pictures.
  if (!may || !batch.whole) return null
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('printing.files')}
      </Title>
      {batch.files_ready ? null : (
        <Text size="sm" c="dimmed" mb="xs" role="status">
          {t(beingDrawn(batch) ? 'printing.drawing' : 'printing.notThere')}
        </Text>
      )}
      <Stack gap="xs">
        <Download path={path} name={`batch-${batch.number}.zip`} label={t('printing.all')} />
        <Group gap="sm">
          {(batch.files ?? []).map(({ name }) => (
            <Anchor
              key={name}
              component="button"
              size="sm"
              onClick={() => void download(`${path}/${name}`, name)}
            >
              {name}
            </Anchor>
          ))}
        </Group>
      </Stack>
    </div>
  )
}

function Way({ batch }: { batch: Batch }) {
  const { t, stamp } = useWords()
  const queries = useQueryClient()
  const maySend = useMay(MAY_PRINT)
  const mayReceive = useMay(MAY_HAND_OUT)
  const path = { path: { id: batch.id } }
  const step = useMutation({
    mutationFn: (to: 'send' | 'receive') =>
      to === 'send'
        ? ask(api.POST('/v1/print-batches/{id}/send', { params: path, body: {} }))
        : ask(api.POST('/v1/print-batches/{id}/receive', { params: path, body: {} })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['print-batch', batch.id] })
      await queries.invalidateQueries({ queryKey: ['print-batches'] })
    },
  })
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('printing.way')}
      </Title>
      {(batch.events ?? []).map((event) => (
        <Text key={`${event.event}${event.at}`} size="sm">
          {stamp(event.at)} — {t(`printing.event.${event.event}`)}
          {event.note ? ` (${event.note})` : null}
        </Text>
      ))}
      {step.error ? <ProblemNote error={step.error} allowed={MAY_HAND_OUT} /> : null}
      <Group gap="xs" mt="xs">
        {batch.whole && maySend && batch.status === 'made' ? (
          <Button
            size="xs"
            loading={step.isPending}
            data-testid="print-send"
            onClick={() => step.mutate('send')}
          >
            {t('printing.send')}
          </Button>
        ) : null}
        {batch.whole && mayReceive && (batch.status === 'made' || batch.status === 'sent') ? (
          <Button
            size="xs"
            variant="default"
            loading={step.isPending}
            data-testid="print-receive"
            onClick={() => step.mutate('receive')}
          >
            {t('printing.receive')}
          </Button>
        ) : null}
      </Group>
    </div>
  )
}

function Cards({ batch }: { batch: Batch }) {
  const { t } = useWords()
  const may = useMay(MAY_HAND_OUT)
  const [chosen, setChosen] = useState<string[]>([])
  const list = usePaged<PrintedCard>(['print-batch', batch.id, 'cards'], (paging, signal) =>
    ask(
      api.GET('/v1/print-batches/{id}/cards', { params: { path: { id: batch.id }, query: paging }, signal }),
    ),
  )
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('printing.cardsTitle')}
      </Title>
      <Loaded query={list.loaded}>
        {(items) => (
          <Checkbox.Group value={chosen} onChange={setChosen}>
            <Stack gap={6}>
              {items.map((card) => (
                <Line key={card.place} card={card} may={may} />
              ))}
            </Stack>
            <More count={items.length} more={list.more} busy={list.busy} />
          </Checkbox.Group>
        )}
      </Loaded>
      {may ? <Actions batch={batch} chosen={chosen} onDone={() => setChosen([])} /> : null}
    </div>
  )
}

function Line({ card, may }: { card: PrintedCard; may: boolean }) {
  const { t } = useWords()
  const words = (
    <>
      <Text component="span" size="sm" display="block">
        {card.holder}
      </Text>
      <Text component="span" size="xs" c="dimmed" display="block" className="digits">
        {cardNumber(card.number)}
      </Text>
    </>
  )
  return (
    <Group justify="space-between" wrap="nowrap" align="flex-start" data-testid="printed-card">
      {may && card.state === 'in_print' ? <Checkbox value={card.id} label={words} /> : <div>{words}</div>}
      <Badge color={ITEM_COLOR[card.state] ?? 'gray'}>{t(`printing.itemState.${card.state}`)}</Badge>
    </Group>
  )
}

interface ActionsProps {
  batch: Batch
  chosen: string[]
  onDone: () => void
}

function Actions({ batch, chosen, onDone }: ActionsProps) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [spoiling, setSpoiling] = useState(false)
  async function done(words: string) {
    say(words)
    onDone()
    await queries.invalidateQueries({ queryKey: ['print-batch', batch.id] })
    await queries.invalidateQueries({ queryKey: ['print-batches'] })
    await queries.invalidateQueries({ queryKey: ['print-queue'] })
  }
  const handing = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/print-batches/{id}/hand-out', {
          params: { path: { id: batch.id } },
          body: { cards: chosen },
        }),
      ),
    onSuccess: () => done(t('printing.handedOut', { count: chosen.length })),
  })
  return (
    <Stack gap="xs" mt="sm">
      {handing.error ? <ProblemNote error={handing.error} allowed={MAY_HAND_OUT} /> : null}
      <Group gap="xs">
        <Button
          size="xs"
          disabled={chosen.length === 0 || batch.status !== 'received'}
          loading={handing.isPending}
          data-testid="hand-out"
          onClick={() => handing.mutate()}
        >
          {t('printing.handOut')}
        </Button>
        <Button
          size="xs"
          variant="subtle"
          color="red"
          disabled={chosen.length === 0}
          data-testid="spoil"
          onClick={() => setSpoiling(true)}
        >
          {t('printing.spoil')}
        </Button>
      </Group>
      {spoiling ? (
        <Spoil
          batch={batch}
          cards={chosen}
          onClose={() => setSpoiling(false)}
          onDone={() => done(t('printing.spoilDone'))}
        />
      ) : null}
    </Stack>
  )
}

interface SpoilProps {
  batch: Batch
  cards: string[]
  onClose: () => void
  onDone: () => Promise<void>
}

function Spoil({ batch, cards, onClose, onDone }: SpoilProps) {
  const { t } = useWords()
  const [note, setNote] = useState('')
  const spoiling = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/print-batches/{id}/spoil', {
          params: { path: { id: batch.id } },
          body: { cards, note: note.trim() },
        }),
      ),
    onSuccess: async () => {
      onClose()
      await onDone()
    },
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('printing.spoilTitle', { count: cards.length })}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{t('printing.spoilText')}</Text>
        <TextInput
          label={t('printing.spoilNote')}
          data-testid="spoil-note"
          maxLength={300}
          required
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        {spoiling.error ? <ProblemNote error={spoiling.error} allowed={MAY_HAND_OUT} /> : null}
        <CancelOr
          onCancel={onClose}
          color="red"
          disabled={note.trim() === ''}
          loading={spoiling.isPending}
          data-testid="spoil-confirm"
          onClick={() => spoiling.mutate()}
        >
          {t('printing.spoil')}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
