/** Cards: found by any number they answer to, opened beside the list. */
import { Badge, Button, Group, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import type { OfficeCard } from '../../api/types'
import { cardShown } from '../../till/codeField'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED } from '../sections'
import { CardRecord } from './CardRecord'
import { CARD_COLOR, cardNumber } from './people'

export default function Cards({ chosen }: { chosen: string | undefined }) {
  return (
    <Guarded section="cards">
      <Page chosen={chosen} />
    </Guarded>
  )
}

function Page({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [, go] = useLocation()
  const [text, setText] = useState('')
  const [number, setNumber] = useState('')
  const found = useQuery({
    queryKey: ['cards', number],
    queryFn: async () => (await ask(api.GET('/v1/cards', { params: { query: { number } } }))).items,
    enabled: number !== '',
    retry: false,
  })
  function find(event: FormEvent) {
    event.preventDefault()
    setNumber(cardShown(text))
  }
  return (
    <Beside
      title={t('officeCards.record')}
      record={chosen ? <CardRecord key={chosen} id={chosen} /> : undefined}
      onClose={() => go('/cards')}
    >
      <PageHead title={t('nav.cards')} hint={t('officeCards.hint')} />
      <form onSubmit={find}>
        <Group mb="md" align="flex-end" gap="sm">
          <TextInput
            label={t('officeCards.number')}
            placeholder={t('officeCards.numberHint')}
            leftSection={<IconSearch size={16} />}
            w={{ base: '100%', sm: 360 }}
            maxLength={256}
            autoFocus
            data-testid="card-search"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Button type="submit" disabled={text.trim() === ''} data-testid="card-find">
            {t('officeCards.find')}
          </Button>
        </Group>
      </form>
      {number === '' ? (
        <Empty title={t('officeCards.start')}>{t('officeCards.startHint')}</Empty>
      ) : (
        <Loaded query={found} allowed={ALLOWED.cards}>
          {(cards) =>
            cards.length === 0 ? (
              <Empty title={t('officeCards.none')}>{t('officeCards.noneHint')}</Empty>
            ) : (
              <DataTable
                rows={cards}
                columns={columns(words)}
                rowKey={(card) => card.id}
                label={t('nav.cards')}
                rowTestId="card-row"
                chosen={chosen}
                onOpen={(card) => go(`/cards/${card.id}`)}
              />
            )
          }
        </Loaded>
      )}
    </Beside>
  )
}

function columns({ t, day }: Words): Column<OfficeCard>[] {
  const kind = ({ kind, relation }: OfficeCard) =>
    relation ? `${t(`cardKind.${kind}`)} · ${t(`officeCards.relation.${relation}`)}` : t(`cardKind.${kind}`)
  return [
    {
      key: 'number',
      title: t('officeCards.number'),
      cell: (card) => <span className="digits">{cardNumber(card.number)}</span>,
      text: (card) => card.number,
    },
    { key: 'kind', title: t('officeCards.kind'), cell: kind, text: kind },
    {
      key: 'status',
      title: t('officeCards.status'),
      cell: (card) => (
        <Badge color={CARD_COLOR[card.status] ?? 'gray'}>{t(`cardStatus.${card.status}`)}</Badge>
      ),
      text: (card) => t(`cardStatus.${card.status}`),
    },
    {
      key: 'until',
      title: t('officeCards.until'),
      cell: (card) => day(card.expires_on),
      sort: (card) => card.expires_on,
    },
  ]
}
