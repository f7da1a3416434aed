/** The rows of a register with one outcome, or all; a row opens to both sides and the purchase. */
import { Anchor, Badge, Divider, Stack } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { RegisterRow } from '../../api/types'
import { kopecks, minus } from '../../ui/money'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Facts } from '../parts/Facts'
import { More } from '../parts/More'
import { usePaged } from '../parts/usePaged'
import { PurchaseDetail } from './PurchaseDetail'
import { OUTCOME_COLOR } from './RegisterReport'

function keyOf(row: RegisterRow): string {
  return [row.line, row.outcome, row.outlet, row.receipt, row.reference, row.purchase_id].join(' ')
}

function differenceOf(row: RegisterRow): string | undefined {
  return row.amount && row.our_amount ? minus(row.amount, row.our_amount) : undefined
}

export function RegisterRows({ id, outcome }: { id: string; outcome: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [chosen, setChosen] = useState<RegisterRow>()
  const list = usePaged<RegisterRow>(['register-rows', id, outcome], (paging, signal) =>
    ask(
      api.GET('/v1/registers/{id}/rows', {
        params: { path: { id }, query: { ...(outcome ? { outcome } : {}), ...paging } },
        signal,
      }),
    ),
  )
  return (
    <Beside
      title={chosen ? t('registers.row', { receipt: chosen.receipt ?? '—' }) : ''}
      record={chosen ? <RowRecord row={chosen} /> : undefined}
      onClose={() => setChosen(undefined)}
    >
      <Loaded query={list.loaded}>
        {(rows) =>
          rows.length > 0 ? (
            <DataTable
              compact={chosen !== undefined}
              label={t('registers.rowsOf')}
              testId="register-rows"
              exportName="register-rows"
              above={380}
              columns={columnsOf(words)}
              rows={rows}
              rowKey={keyOf}
              rowTestId="register-line"
              chosen={chosen ? keyOf(chosen) : undefined}
              onOpen={setChosen}
              under={<More count={rows.length} more={list.more} busy={list.busy} />}
            />
          ) : (
            <Empty title={t('registers.noRows')} />
          )
        }
      </Loaded>
    </Beside>
  )
}

/** A row still being worked off has no outcome yet. */
function Outcome({ of: { outcome } }: { of: RegisterRow }) {
  const { t } = useWords()
  return outcome ? <Badge color={OUTCOME_COLOR[outcome] ?? 'gray'}>{t(`outcome.${outcome}`)}</Badge> : '—'
}

function columnsOf(words: Words): Column<RegisterRow>[] {
  const { t, stamp, figure } = words
  const money = (amount: string | null | undefined) => (amount ? figure(amount) : '—')
  return [
    {
      key: 'line',
      title: t('registers.line'),
      numeric: true,
      cell: (row) => row.line ?? '—',
      sort: (row) => row.line ?? 0,
    },
    {
      key: 'outcome',
      title: t('registers.outcome'),
      cell: (row) => <Outcome of={row} />,
      text: (row) => (row.outcome ? t(`outcome.${row.outcome}`) : ''),
    },
    {
      key: 'outlet',
      secondary: true,
      title: t('registers.outlet'),
      cell: (row) => row.outlet ?? '—',
      sort: (row) => row.outlet ?? '',
    },
    {
      key: 'receipt',
      title: t('registers.receipt'),
      cell: (row) => row.receipt ?? '—',
      sort: (row) => row.receipt ?? '',
    },
    {
      key: 'at',
      secondary: true,
      title: t('registers.at'),
      cell: (row) => (row.occurred_at ? stamp(row.occurred_at) : '—'),
      sort: (row) => row.occurred_at ?? '',
    },
    {
      key: 'theirs',
      title: t('registers.theirsShort'),
      numeric: true,
      cell: (row) => money(row.amount),
      sort: (row) => kopecks(row.amount ?? '0.00'),
      text: (row) => row.amount ?? '',
    },
    {
      key: 'ours',
      title: t('registers.oursShort'),
      numeric: true,
      cell: (row) => money(row.our_amount),
      sort: (row) => kopecks(row.our_amount ?? '0.00'),
      text: (row) => row.our_amount ?? '',
    },
    {
      key: 'difference',
      title: t('registers.difference'),
      numeric: true,
      cell: (row) => {
        const difference = differenceOf(row)
        return difference ? figure(difference, true) : '—'
      },
      sort: (row) => kopecks(differenceOf(row) ?? '0.00'),
      text: (row) => differenceOf(row) ?? '',
    },
  ]
}

function RowRecord({ row }: { row: RegisterRow }) {
  const words = useWords()
  const { t, rubles, dayAndTime } = words
  const difference = differenceOf(row)
  return (
    <Stack gap="md">
      <Outcome of={row} />
      <Facts
        rows={[
          [t('registers.reason'), row.reason ? reasonWords(row.reason, words) : null],
          [t('registers.line'), row.line],
          [t('registers.kind'), row.kind ? t(`rowKind.${row.kind}`, { defaultValue: row.kind }) : null],
          [t('registers.reference'), row.reference],
          [t('registers.outlet'), row.outlet],
          [t('registers.at'), row.occurred_at ? dayAndTime(row.occurred_at) : null],
          [t('registers.theirs'), row.amount ? rubles(row.amount) : t('registers.absent')],
          [t('registers.ours'), row.our_amount ? rubles(row.our_amount) : t('registers.absent')],
          [t('registers.difference'), difference ? rubles(difference, true) : null],
        ]}
      />
      {row.purchase_id ? (
        <>
          <Divider />
          <PurchaseDetail id={row.purchase_id} />
          <Anchor component={Link} href={`/purchases/${row.purchase_id}`} size="sm">
            {t('detail.open')}
          </Anchor>
        </>
      ) : null}
    </Stack>
  )
}

function reasonWords(reason: string, { t, exists }: Words): string {
  const key = `rowReason.${reason.replaceAll('-', '_')}`
  return exists(key) ? t(key) : reason
}
