/** The fraud watch's queue: a case opens beside the list, with what was seen and three ways to decide. */
import { Badge } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import type { FraudCase } from '../../api/types'
import { Empty, ProblemNote } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import type { Column } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { usePaged } from '../parts/usePaged'
import { WorkList } from '../parts/WorkList'
import { FraudRecord } from './FraudRecord'
import { FraudRules } from './FraudRules'
import { struckRules } from './fraudWords'

/** What somebody is to decide comes first, held and watched alike. */
const STATUSES = ['open', 'held', 'watched', 'released', 'blocked'] as const
type Status = (typeof STATUSES)[number]

export const CASE_COLOR: Record<string, string> = {
  held: 'amber',
  watched: 'gray',
  released: 'green',
  blocked: 'red',
}

export default function Fraud({ chosen }: { chosen?: string | undefined }) {
  return (
    <Guarded section="fraud">
      <Page chosen={chosen} />
    </Guarded>
  )
}

function Page({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [shown, setShown] = useState<Status | 'rules'>('open')
  const status = shown === 'rules' ? 'open' : shown
  const list = usePaged<FraudCase>(
    ['fraud', status],
    (paging, signal) => ask(api.GET('/v1/fraud', { params: { query: { ...paging, status } }, signal })),
    { enabled: shown !== 'rules' },
  )
  const { opened, error } = useOpened(chosen, list.items)
  return (
    <WorkList
      section="fraud"
      states={[
        ...STATUSES.map((value) => ({ value, label: t(`fraud.status.${value}`) })),
        { value: 'rules', label: t('fraud.rules.title') },
      ]}
      state={shown}
      onState={setShown}
      list={list}
      columns={columnsOf(words)}
      rowTestId="fraud-row"
      empty={<Empty title={t(`fraud.empty.${status}`)}>{t('fraud.emptyHint')}</Empty>}
      opened={opened}
      title={opened ? t('fraud.case', { receipt: opened.receipt ?? '' }) : t('fraud.title')}
      record={
        opened ? <FraudRecord key={opened.id} found={opened} /> : error ? <ProblemNote error={error} /> : null
      }
      {...(shown === 'rules' ? { instead: <FraudRules /> } : {})}
    />
  )
}

/** The case of the address: as the list has it until the server says how it is now, whatever the list shows. */
function useOpened(chosen: string | undefined, items: FraudCase[] | undefined) {
  const one = useQuery({
    queryKey: ['fraud', 'case', chosen],
    enabled: chosen !== undefined,
    staleTime: 0,
    queryFn: ({ signal }) =>
      ask(api.GET('/v1/fraud/{id}', { params: { path: { id: chosen ?? '' } }, signal })),
  })
  const listed = items?.find(({ id }) => id === chosen)
  return { opened: chosen === undefined ? undefined : (one.data ?? listed), error: chosen ? one.error : null }
}

function columnsOf(words: Words): Column<FraudCase>[] {
  const { t, stamp, figure } = words
  return [
    {
      key: 'opened',
      title: t('fraud.opened'),
      cell: (row) => stamp(row.opened_at),
      sort: (row) => row.opened_at,
    },
    {
      key: 'why',
      title: t('fraud.why'),
      wrap: true,
      cell: (row) => struckRules(row, words),
      sort: (row) => struckRules(row, words),
    },
    { key: 'outlet', title: t('fraud.outlet'), cell: (row) => row.outlet, sort: (row) => row.outlet ?? '' },
    {
      key: 'amount',
      secondary: true,
      title: t('fraud.amount'),
      numeric: true,
      cell: (row) => figure(row.amount),
      sort: (row) => Number(row.amount),
      text: (row) => row.amount,
    },
    {
      key: 'cashback',
      title: t('fraud.cashback'),
      numeric: true,
      cell: (row) => figure(row.cashback),
      sort: (row) => Number(row.cashback),
      text: (row) => row.cashback,
    },
    {
      key: 'status',
      secondary: true,
      title: t('fraud.state'),
      cell: (row) => (
        <Badge color={CASE_COLOR[row.status] ?? 'gray'}>{t(`fraud.status.${row.status}`)}</Badge>
      ),
      sort: (row) => row.status,
    },
  ]
}
