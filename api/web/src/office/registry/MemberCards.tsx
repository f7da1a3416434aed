/** A member's cards: giving one, blocking one. */
import { Anchor, Badge, Button, Group, Modal, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { MemberRecord } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { Empty, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { MAY } from '../sections'
import { useMay } from '../staff'
import { CARD_COLOR, cardNumber } from './people'

type Card = MemberRecord['cards'][number]
type Blockable = Pick<Card, 'id' | 'number'>

export function MemberCards({ member }: { member: MemberRecord }) {
  const { t, day } = useWords()
  const [blocking, setBlocking] = useState<Card>()
  const mayBlock = useMay(MAY.blockCard)
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('cards.title')}
      </Title>
      {member.cards.length === 0 ? <Empty title={t('cards.none')} /> : null}
      <Stack gap="sm">
        {member.cards.map((card) => (
          <Group
            key={card.id}
            justify="space-between"
            wrap="nowrap"
            align="flex-start"
            data-testid="member-card"
          >
            <div>
              <Anchor component={Link} href={`/cards/${card.id}`} size="sm" fw={500} className="digits">
                {cardNumber(card.number)}
              </Anchor>
              <Text size="xs" c="dimmed">
                {t(`cardKind.${card.kind}`)}
                {card.relation ? ` · ${t(`officeCards.relation.${card.relation}`)}` : null}
                {card.expires_on ? ` · ${t('cards.until', { day: day(card.expires_on) })}` : null}
              </Text>
            </div>
            <Stack gap={4} align="flex-end">
              <Badge color={CARD_COLOR[card.status] ?? 'gray'}>{t(`cardStatus.${card.status}`)}</Badge>
              {mayBlock && card.status !== 'blocked' && card.status !== 'expired' ? (
                <Button size="compact-sm" variant="subtle" color="red" onClick={() => setBlocking(card)}>
                  {t('cards.block')}
                </Button>
              ) : null}
            </Stack>
          </Group>
        ))}
      </Stack>
      <GiveCard member={member} />
      {blocking ? (
        <BlockCard member={member.id} card={blocking} onClose={() => setBlocking(undefined)} />
      ) : null}
    </div>
  )
}

function GiveCard({ member }: { member: MemberRecord }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const may = useMay(MAY.giveCard)
  const giving = useMutation({
    mutationFn: (kind: 'virtual' | 'plastic') =>
      ask(api.POST('/v1/cards', { body: { member: member.id, kind } })),
    onSuccess: async () => {
      say(t('cards.given'))
      await queries.invalidateQueries({ queryKey: ['member', member.id] })
    },
  })
  if (!may || member.status !== 'active') return null
  return (
    <Stack gap="xs" mt="sm">
      {giving.error ? <ProblemNote error={giving.error} allowed={MAY.giveCard} /> : null}
      <Group gap="xs">
        {(['virtual', 'plastic'] as const).map((kind) => (
          <Button
            key={kind}
            size="xs"
            variant="default"
            loading={giving.isPending && giving.variables === kind}
            data-testid={`give-${kind}`}
            onClick={() => giving.mutate(kind)}
          >
            {t(`cards.give.${kind}`)}
          </Button>
        ))}
      </Group>
    </Stack>
  )
}

const REASONS = ['lost', 'stolen', 'left', 'fraud'] as const
type Reason = (typeof REASONS)[number]

export function BlockCard({
  member,
  card,
  onClose,
}: {
  member: string
  card: Blockable
  onClose: () => void
}) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [reason, setReason] = useState<Reason>('lost')
  const [comment, setComment] = useState('')
  const blocking = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/cards/{id}/block', {
          params: { path: { id: card.id } },
          body: { reason, ...(comment.trim() ? { comment: comment.trim() } : {}) },
        }),
      ),
    onSuccess: async () => {
      say(t('cards.blocked'))
      await queries.invalidateQueries({ queryKey: ['member', member] })
      await queries.invalidateQueries({ queryKey: ['card'] })
      await queries.invalidateQueries({ queryKey: ['cards'] })
      onClose()
    },
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('cards.blockTitle', { number: cardNumber(card.number) })}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{t('cards.blockText')}</Text>
        <Select
          label={t('cards.reason')}
          allowDeselect={false}
          data={REASONS.map((value) => ({ value, label: t(`blockReason.${value}`) }))}
          value={reason}
          onChange={(value) => setReason(REASONS.find((one) => one === value) ?? 'lost')}
        />
        <TextInput
          label={t('cards.comment')}
          maxLength={200}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        {blocking.error ? <ProblemNote error={blocking.error} allowed={MAY.blockCard} /> : null}
        <CancelOr
          onCancel={onClose}
          color="red"
          loading={blocking.isPending}
          data-testid="block-confirm"
          onClick={() => blocking.mutate()}
        >
          {t('cards.block')}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
