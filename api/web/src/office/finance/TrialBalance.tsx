/** All accounts as of an instant; every balance opens to its postings. */
import { Anchor, Badge, Button, Group, Table, TextInput } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import type { TrialBalance as Balance, LedgerAccount } from '../../api/types'
import { instantOf } from '../../ui/moment'
import { isNegative, kopecks } from '../../ui/money'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED } from '../sections'
import { accountName, accountOwner, ledgerPath } from './accountWords'

export default function TrialBalance() {
  return (
    <Guarded section="ledger">
      <Page />
    </Guarded>
  )
}

function Page() {
  const { t, dayAndTime } = useWords()
  const [local, setLocal] = useState('')
  const at = local ? instantOf(local) : undefined
  const balance = useQuery({
    queryKey: ['trial-balance', at],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ask(api.GET('/v1/ledger/trial-balance', { params: { query: at ? { at } : {} }, signal })),
  })
  return (
    <>
      <PageHead
        title={t('ledger.title')}
        hint={balance.data ? t('ledger.asOf', { at: dayAndTime(balance.data.at) }) : t('loading')}
      >
        {balance.data ? (
          <Badge size="xl" color={balance.data.balanced ? 'green' : 'red'} data-testid="balanced">
            {balance.data.balanced ? t('ledger.balanced') : t('ledger.unbalanced')}
          </Badge>
        ) : null}
      </PageHead>
      <Group mb="md" align="flex-end">
        <TextInput
          type="datetime-local"
          label={t('ledger.at')}
          step={60}
          value={local}
          data-testid="ledger-at"
          onChange={(event) => setLocal(event.currentTarget.value)}
        />
        {local ? (
          <Button variant="default" onClick={() => setLocal('')}>
            {t('ledger.now')}
          </Button>
        ) : null}
      </Group>
      <Loaded query={balance} allowed={ALLOWED.ledger}>
        {(data) => <Accounts balance={data} at={at} />}
      </Loaded>
    </>
  )
}

function Accounts({ balance, at }: { balance: Balance; at: string | undefined }) {
  const words = useWords()
  const { t, figure } = words
  const [, go] = useLocation()
  return (
    <DataTable
      label={t('ledger.title')}
      testId="trial-balance"
      exportName="trial-balance"
      above={280}
      columns={columnsOf(words, at)}
      rows={balance.accounts}
      rowKey={(row) => row.account}
      onOpen={(row) => go(ledgerPath(row.account, at))}
      foot={
        <Table.Tr>
          <Table.Td colSpan={3}>{t('ledger.total')}</Table.Td>
          <Table.Td className="number">{figure(balance.debit_total)}</Table.Td>
          <Table.Td className="number">{figure(balance.credit_total)}</Table.Td>
          <Table.Td />
        </Table.Tr>
      }
    />
  )
}

function columnsOf(words: ReturnType<typeof useWords>, at: string | undefined): Column<LedgerAccount>[] {
  const { t, figure } = words
  return [
    {
      key: 'name',
      wrap: true,
      title: t('ledger.account'),
      cell: (row) => accountName(row, words),
      sort: (row) => accountName(row, words),
    },
    {
      key: 'owner',
      wrap: true,
      title: t('ledger.owner'),
      cell: (row) => accountOwner(row, words),
      sort: (row) => accountOwner(row, words),
    },
    {
      key: 'normal',
      title: t('ledger.normal'),
      cell: (row) => t(`normal.${row.normal}`),
      sort: (row) => row.normal,
    },
    {
      key: 'debit',
      title: t('ledger.debit'),
      numeric: true,
      cell: (row) => figure(row.debit),
      sort: (row) => kopecks(row.debit),
      text: (row) => row.debit,
    },
    {
      key: 'credit',
      title: t('ledger.credit'),
      numeric: true,
      cell: (row) => figure(row.credit),
      sort: (row) => kopecks(row.credit),
      text: (row) => row.credit,
    },
    {
      key: 'balance',
      title: t('ledger.balance'),
      numeric: true,
      cell: (row) => (
        <Anchor
          component={Link}
          href={ledgerPath(row.account, at)}
          inherit
          fw={600}
          {...negative(row.balance)}
        >
          {figure(row.balance)}
        </Anchor>
      ),
      sort: (row) => kopecks(row.balance),
      text: (row) => row.balance,
    },
  ]
}

function negative(amount: string) {
  return isNegative(amount) ? { c: 'red' } : {}
}
