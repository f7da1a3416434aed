/** The postings behind one figure; each opens beside the list to its transfers and its purchase. */
import { Anchor, Group, TextInput } from '@mantine/core'
import { useState } from 'react'
import { Link, useSearch } from 'wouter'
import { api, ask } from '../../api/client'
import type { Posting } from '../../api/types'
import { kopecks } from '../../ui/money'
import { Empty, Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { usePaged } from '../parts/usePaged'
import { ALLOWED } from '../sections'
import { accountTitle, useOwnerNames } from './accountWords'
import { PostingRecord } from './PostingRecord'

export default function AccountPostings({ account }: { account: string }) {
  return (
    <Guarded section="ledger">
      <Page account={decodeURIComponent(account)} />
    </Guarded>
  )
}

function Page({ account }: { account: string }) {
  const words = useWords()
  const { t, dayAndTime } = words
  const at = new URLSearchParams(useSearch()).get('at') ?? undefined
  const nameOf = useOwnerNames()
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const [chosen, setChosen] = useState<Posting>()
  const list = usePaged<Posting>(['postings', account, from, to, at], (paging, signal) =>
    ask(
      api.GET('/v1/ledger/postings', {
        params: {
          query: {
            account,
            ...(from ? { from } : {}),
            ...(to ? { to } : {}),
            ...(at ? { at } : {}),
            ...paging,
          },
        },
        signal,
      }),
    ),
  )
  return (
    <>
      <PageHead
        title={accountTitle(account, words, nameOf(account))}
        hint={
          <>
            {at ? `${t('ledger.asOf', { at: dayAndTime(at) })} · ` : null}
            <Anchor component={Link} href="/ledger" size="sm">
              {t('postings.back')}
            </Anchor>
          </>
        }
      />
      <Group mb="md" align="flex-end">
        <TextInput
          type="date"
          label={t('postings.from')}
          value={from}
          onChange={(e) => setFrom(e.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('postings.to')}
          value={to}
          onChange={(e) => setTo(e.currentTarget.value)}
        />
      </Group>
      <Beside
        title={chosen ? t(`posting.${chosen.kind}`, { defaultValue: chosen.kind }) : ''}
        record={chosen ? <PostingRecord key={chosen.id} posting={chosen} /> : undefined}
        onClose={() => setChosen(undefined)}
      >
        <Loaded query={list.loaded} allowed={ALLOWED.ledger}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={chosen !== undefined}
                label={t('postings.title')}
                testId="postings"
                exportName={`postings-${account.replaceAll(':', '-')}`}
                above={300}
                columns={columnsOf(words)}
                rows={rows}
                rowKey={(row) => row.id}
                chosen={chosen?.id}
                onOpen={setChosen}
                under={<More count={rows.length} more={list.more} busy={list.busy} />}
              />
            ) : (
              <Empty title={t('postings.empty')}>{t('postings.emptyHint')}</Empty>
            )
          }
        </Loaded>
      </Beside>
    </>
  )
}

function columnsOf({ t, stamp, dayStamp, figure }: ReturnType<typeof useWords>): Column<Posting>[] {
  return [
    { key: 'at', title: t('postings.at'), cell: (row) => stamp(row.at), sort: (row) => row.at },
    {
      key: 'booked',
      secondary: true,
      title: t('postings.booked'),
      cell: (row) => dayStamp(row.booked_on),
      sort: (row) => row.booked_on,
    },
    {
      key: 'kind',
      title: t('postings.kind'),
      cell: (row) => t(`posting.${row.kind}`, { defaultValue: row.kind }),
      sort: (row) => row.kind,
    },
    {
      key: 'receipt',
      title: t('postings.receipt'),
      cell: (row) =>
        row.purchase_id ? (
          <Anchor component={Link} href={`/purchases/${row.purchase_id}`} inherit>
            {row.receipt ?? row.purchase_id}
          </Anchor>
        ) : (
          '—'
        ),
      sort: (row) => row.receipt ?? '',
    },
    {
      key: 'outlet',
      secondary: true,
      title: t('postings.outlet'),
      cell: (row) => row.outlet ?? '—',
      sort: (row) => row.outlet ?? '',
    },
    {
      key: 'amount',
      title: t('postings.amount'),
      numeric: true,
      cell: (row) => (row.amount ? figure(row.amount, true) : '—'),
      sort: (row) => kopecks(row.amount ?? '0.00'),
      text: (row) => row.amount ?? '',
    },
  ]
}
