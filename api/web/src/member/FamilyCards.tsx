/** The family's cards on the member's points: ordered, limited, handed to a phone by a QR. */
import { Button, Group, Modal, SegmentedControl, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useMemo, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { Card, CardLimits, Me } from '../api/types'
import { giftLink } from '../offline/gift'
import { useAnnounce } from '../ui/Announcer'
import { typedAmount } from '../ui/money'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { groups } from './countdown'
import { qrPath } from './qr'

const LIVING = new Set(['ordered', 'issued', 'active'])

interface Props {
  me: Me
  opened: boolean
  onClose: () => void
}

export function FamilyCards({ me, opened, onClose }: Props) {
  const { t } = useWords()
  const [gift, setGift] = useState<string>()
  const cards = useQuery({
    queryKey: ['cards'],
    queryFn: async () => (await ask(api.GET('/v1/me/cards', { params: { query: { limit: 200 } } }))).items,
    enabled: opened,
  })
  function close() {
    setGift(undefined)
    onClose()
  }
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t('family.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {gift ? (
        <Gift link={gift} onBack={() => setGift(undefined)} />
      ) : (
        <Stack>
          <Text size="sm" c="dimmed">
            {t('family.text')}
          </Text>
          <Loaded query={cards}>
            {(all) => (
              <List
                me={me}
                cards={all.filter((card) => card.relation && LIVING.has(card.status))}
                onGift={setGift}
              />
            )}
          </Loaded>
          <Order />
        </Stack>
      )}
    </Modal>
  )
}

function List({ me, cards, onGift }: { me: Me; cards: Card[]; onGift: (link: string) => void }) {
  const { t } = useWords()
  if (cards.length === 0) return <Empty title={t('family.none')} />
  return (
    <Stack gap="md">
      {cards.map((card) => (
        <Relative key={card.id} me={me} card={card} onGift={onGift} />
      ))}
    </Stack>
  )
}

function Relative({ me, card, onGift }: { me: Me; card: Card; onGift: (link: string) => void }) {
  const { t } = useWords()
  const giving = useMutation({
    mutationFn: () => ask(api.POST('/v1/me/devices', { body: { card: card.id, name: t('family.phone') } })),
    onSuccess: ({ id, secret }) => onGift(giftLink({ card, union: me.union, device: id, secret })),
  })
  return (
    <Stack gap={6} data-testid="family-card">
      <Group justify="space-between" wrap="nowrap">
        <div>
          <Text fw={500}>{t(`family.relation.${card.relation}`)}</Text>
          <Text size="sm" c="dimmed" className="digits">
            {groups(card.number).join(' ')} · {t(`card.status.${card.status}`)}
          </Text>
        </div>
        {card.kind === 'virtual' ? (
          <Button
            size="xs"
            variant="light"
            loading={giving.isPending}
            data-testid="family-gift"
            onClick={() => giving.mutate()}
          >
            {t('family.give')}
          </Button>
        ) : null}
      </Group>
      <Limits card={card} />
      {giving.error ? <ProblemNote error={giving.error} /> : null}
    </Stack>
  )
}

const FIELDS = ['earn_per_day', 'earn_per_month', 'redeem_per_day', 'redeem_per_month'] as const
type Field = (typeof FIELDS)[number]

/** What was typed as limits; the name of the field that can't be one. */
function typedLimits(texts: Record<Field, string>): CardLimits | Field {
  const limits: CardLimits = {}
  for (const field of FIELDS) {
    const text = texts[field].trim()
    if (text === '') continue
    if (field === 'earn_per_day' || field === 'earn_per_month') {
      if (!/^\d{1,4}$/.test(text)) return field
      limits[field] = Number(text)
    } else {
      const amount = typedAmount(text)
      if (!amount) return field
      limits[field] = amount
    }
  }
  return limits
}

function Limits({ card }: { card: Card }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [texts, setTexts] = useState<Record<Field, string>>(() => ({
    earn_per_day: String(card.limits?.earn_per_day ?? ''),
    earn_per_month: String(card.limits?.earn_per_month ?? ''),
    redeem_per_day: card.limits?.redeem_per_day ?? '',
    redeem_per_month: card.limits?.redeem_per_month ?? '',
  }))
  const [wrong, setWrong] = useState<Field>()
  const saving = useMutation({
    mutationFn: (limits: CardLimits) =>
      ask(api.PATCH('/v1/me/cards/{id}', { params: { path: { id: card.id } }, body: { limits } })),
    onSuccess: async () => {
      say(t('family.saved'))
      await queries.invalidateQueries({ queryKey: ['cards'] })
    },
  })
  function save(event: FormEvent) {
    event.preventDefault()
    const limits = typedLimits(texts)
    setWrong(typeof limits === 'string' ? limits : undefined)
    if (typeof limits !== 'string') saving.mutate(limits)
  }
  const problem = saving.error ? asProblem(saving.error) : undefined
  return (
    <form onSubmit={save}>
      <SimpleGrid cols={2} spacing="xs">
        {FIELDS.map((field) => (
          <TextInput
            key={field}
            size="xs"
            inputMode="decimal"
            label={t(`family.limit.${field}`)}
            placeholder={t('family.noLimit')}
            value={texts[field]}
            error={wrong === field ? t('family.wrongLimit') : problem?.field(`limits/${field}`)}
            data-testid={`limit-${field}`}
            onChange={(event) => setTexts({ ...texts, [field]: event.currentTarget.value })}
          />
        ))}
      </SimpleGrid>
      <Button
        mt="xs"
        size="xs"
        type="submit"
        variant="default"
        loading={saving.isPending}
        data-testid="limits-save"
      >
        {t('family.save')}
      </Button>
      {problem && !FIELDS.some((field) => problem.field(`limits/${field}`)) ? (
        <ProblemNote error={problem} />
      ) : null}
    </form>
  )
}

function Order() {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [relation, setRelation] = useState<'spouse' | 'child'>('spouse')
  const ordering = useMutation({
    mutationFn: (kind: 'virtual' | 'plastic') => ask(api.POST('/v1/me/cards', { body: { kind, relation } })),
    onSuccess: async () => {
      say(t('family.ordered'))
      await queries.invalidateQueries({ queryKey: ['cards'] })
    },
  })
  return (
    <Stack gap="xs">
      <Text fw={500}>{t('family.new')}</Text>
      <SegmentedControl
        aria-label={t('family.whose')}
        value={relation}
        onChange={(value) => setRelation(value === 'child' ? 'child' : 'spouse')}
        data={(['spouse', 'child'] as const).map((value) => ({
          value,
          label: t(`family.relation.${value}`),
        }))}
      />
      {ordering.error ? <ProblemNote error={ordering.error} /> : null}
      <Group gap="xs" grow>
        {(['virtual', 'plastic'] as const).map((kind) => (
          <Button
            key={kind}
            variant="light"
            loading={ordering.isPending && ordering.variables === kind}
            data-testid={`family-order-${kind}`}
            onClick={() => ordering.mutate(kind)}
          >
            {t(`family.order.${kind}`)}
          </Button>
        ))}
      </Group>
    </Stack>
  )
}

/** The link that makes a family's phone a device of the card: seen once, it holds the secret. */
function Gift({ link, onBack }: { link: string; onBack: () => void }) {
  const { t } = useWords()
  const qr = useMemo(() => qrPath(link), [link])
  return (
    <Stack align="center">
      <svg
        className="gift-qr"
        role="img"
        aria-label={t('family.giftQr')}
        viewBox={`0 0 ${qr.side} ${qr.side}`}
        shapeRendering="crispEdges"
        data-testid="gift"
        data-value={link}
      >
        <path d={qr.path} fill="#000" />
      </svg>
      <Text size="sm" ta="center">
        {t('family.giftHint')}
      </Text>
      <Button variant="default" onClick={onBack}>
        {t('family.back')}
      </Button>
    </Stack>
  )
}
