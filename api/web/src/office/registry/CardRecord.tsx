/** One card: what it is, what else it answers to, what happened to it and by whom, and what may be done. */
import { Anchor, Badge, Button, Divider, Group, Stack, Text, Timeline, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { CardRecord as Record } from '../../api/types'
import { Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { ALLOWED, MAY } from '../sections'
import { useMay } from '../staff'
import { CardAliases } from './CardAliases'
import { CardPrint } from './CardPrint'
import { BlockCard } from './MemberCards'
import { CARD_COLOR, cardNumber } from './people'
import { ReissueCard } from './ReissueCard'

const LIVING = new Set(['ordered', 'issued', 'active'])

export function CardRecord({ id }: { id: string }) {
  const card = useQuery({
    queryKey: ['card', id],
    queryFn: () => ask(api.GET('/v1/cards/{id}', { params: { path: { id } } })),
  })
  return (
    <Loaded query={card} allowed={ALLOWED.cards}>
      {(data) => (
        <Stack gap="md" data-testid="card-record">
          <What card={data} />
          <Actions card={data} />
          <Divider />
          <CardAliases card={data} />
          {data.kind === 'plastic' ? <CardPrint card={data} /> : null}
          <Divider />
          <History card={data} />
        </Stack>
      )}
    </Loaded>
  )
}

function What({ card }: { card: Record }) {
  const words = useWords()
  const { t, day } = words
  const link = (to: string, text: string) => (
    <Anchor component={Link} href={to} inherit>
      {text}
    </Anchor>
  )
  return (
    <div>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb="xs">
        <Title order={3} size="h5" className="digits">
          {cardNumber(card.number)}
        </Title>
        <Badge color={CARD_COLOR[card.status] ?? 'gray'}>{t(`cardStatus.${card.status}`)}</Badge>
      </Group>
      <Facts
        rows={[
          [t('officeCards.holder'), link(`/members/${card.member}`, t('officeCards.openMember'))],
          [t('officeCards.kind'), t(`cardKind.${card.kind}`)],
          [t('officeCards.family'), card.relation ? t(`officeCards.relation.${card.relation}`) : null],
          [t('officeCards.limits'), limitsText(card, words)],
          [t('officeCards.standing'), t(`officeCards.standings.${card.standing}`)],
          [t('officeCards.until'), day(card.expires_on)],
          ['EAN-13', card.ean13],
          [t('officeCards.devices'), card.devices > 0 ? String(card.devices) : null],
          [
            t('officeCards.replaces'),
            card.replaces ? link(`/cards/${card.replaces}`, t('officeCards.openCard')) : null,
          ],
          [
            t('officeCards.replacedBy'),
            card.replaced_by ? link(`/cards/${card.replaced_by}`, t('officeCards.openCard')) : null,
          ],
        ]}
      />
    </div>
  )
}

function limitsText({ limits }: Record, { t, rubles }: Words): string | null {
  if (!limits) return null
  const { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month } = limits
  const texts = [
    earn_per_day == null ? '' : t('officeCards.limit.earn_per_day', { value: earn_per_day }),
    earn_per_month == null ? '' : t('officeCards.limit.earn_per_month', { value: earn_per_month }),
    redeem_per_day == null ? '' : t('officeCards.limit.redeem_per_day', { value: rubles(redeem_per_day) }),
    redeem_per_month == null
      ? ''
      : t('officeCards.limit.redeem_per_month', { value: rubles(redeem_per_month) }),
  ]
  return texts.filter(Boolean).join('; ') || t('officeCards.noLimits')
}

function Actions({ card }: { card: Record }) {
  const { t } = useWords()
  const may = useMay(MAY.blockCard)
  const mayReissue = useMay(MAY.keepNumbers)
  const [open, setOpen] = useState<'block' | 'reissue'>()
  if (!may) return null
  const close = () => setOpen(undefined)
  return (
    <Group gap="xs">
      {!mayReissue || card.replaced_by || card.status === 'ordered' ? null : (
        <Button size="xs" variant="default" data-testid="card-reissue" onClick={() => setOpen('reissue')}>
          {t('officeCards.reissue')}
        </Button>
      )}
      {LIVING.has(card.status) ? (
        <Button
          size="xs"
          variant="light"
          color="red"
          data-testid="card-block"
          onClick={() => setOpen('block')}
        >
          {t('cards.block')}
        </Button>
      ) : null}
      {open === 'block' ? <BlockCard member={card.member} card={card} onClose={close} /> : null}
      {open === 'reissue' ? <ReissueCard card={card} onClose={close} /> : null}
    </Group>
  )
}

function History({ card }: { card: Record }) {
  const words = useWords()
  const { t } = words
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('officeCards.history')}
      </Title>
      <Timeline bulletSize={12} lineWidth={2} active={card.history.length}>
        {card.history.map((entry) => (
          <Timeline.Item
            key={`${entry.at} ${entry.event} ${entry.note ?? ''}`}
            title={t(`officeCards.event.${entry.event}`)}
            data-testid="card-event"
          >
            <Text size="sm" c="dimmed">
              {words.dayAndTime(entry.at)} · {entry.by.email ?? t(`officeCards.by.${entry.by.kind}`)}
            </Text>
            {entry.reason ? <Text size="sm">{t(`blockReason.${entry.reason}`)}</Text> : null}
            {entry.note && !/^[0-9a-f-]{36}$/.test(entry.note) ? <Text size="sm">{entry.note}</Text> : null}
          </Timeline.Item>
        ))}
      </Timeline>
    </div>
  )
}
