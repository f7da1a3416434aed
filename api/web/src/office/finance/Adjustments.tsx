/** Corrections and write-offs: proposed by one, approved by another who sees all that it changes. */
import { Badge, Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { api, ask } from '../../api/client'
import type { Adjustment } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { kopecks } from '../../ui/money'
import { Empty, Loaded, ProblemNote } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Facts } from '../parts/Facts'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { usePaged } from '../parts/usePaged'
import { ALLOWED, MAY } from '../sections'
import { useMay, useStaff } from '../staff'
import { AdjustmentForm } from './AdjustmentForm'
import { accountTitle } from './accountWords'

const COLOR: Record<string, string> = { proposed: 'amber', approved: 'green', declined: 'gray' }
const STATUSES = ['proposed', 'approved', 'declined'] as const
type Status = (typeof STATUSES)[number]

export default function Adjustments() {
  return (
    <Guarded section="adjustments">
      <Page />
    </Guarded>
  )
}

function Page() {
  const words = useWords()
  const { t } = words
  const mayPropose = useMay(MAY.propose)
  const [search, setSearch] = useSearchParams()
  const member = search.get('member') ?? ''
  const [making, setMaking] = useState(member !== '' && mayPropose)
  const [status, setStatus] = useState<Status>()
  const [chosen, setChosen] = useState<string>()
  const list = usePaged<Adjustment>(['adjustments', status], (paging, signal) =>
    ask(
      api.GET('/v1/adjustments', {
        params: { query: { ...(status ? { status } : {}), ...paging } },
        signal,
      }),
    ),
  )
  const open = list.items?.find(({ id }) => id === chosen)
  const close = () => {
    setMaking(false)
    if (member) setSearch({})
  }
  return (
    <>
      <PageHead title={t('adjustments.title')} hint={t('adjustments.hint')}>
        {mayPropose ? (
          <Button data-testid="adjustment-new" onClick={() => setMaking(true)}>
            {t('adjustments.new')}
          </Button>
        ) : null}
      </PageHead>
      <Select
        mb="md"
        maw={240}
        label={t('adjustments.status')}
        placeholder={t('adjustments.any')}
        clearable
        data={STATUSES.map((value) => ({ value, label: t(`adjustmentStatus.${value}`) }))}
        value={status ?? null}
        onChange={(to) => setStatus((to ?? undefined) as Status | undefined)}
      />
      <Modal
        opened={making}
        onClose={close}
        title={t('adjustments.new')}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        <AdjustmentForm member={member} onDone={close} />
      </Modal>
      <Beside
        title={t('adjustments.record')}
        record={open ? <AdjustmentRecord key={open.id} adjustment={open} /> : undefined}
        onClose={() => setChosen(undefined)}
      >
        <Loaded query={list.loaded} allowed={ALLOWED.adjustments}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={open !== undefined}
                label={t('adjustments.title')}
                testId="adjustments"
                rowTestId="adjustment-row"
                exportName="adjustments"
                above={300}
                columns={columnsOf(words)}
                rows={rows}
                rowKey={(row) => row.id}
                chosen={chosen}
                onOpen={(row) => setChosen(row.id)}
                under={<More count={rows.length} more={list.more} busy={list.busy} />}
              />
            ) : (
              <Empty title={t('adjustments.empty')} />
            )
          }
        </Loaded>
      </Beside>
    </>
  )
}

function columnsOf(words: Words): Column<Adjustment>[] {
  const { t, dayStamp, figure } = words
  return [
    {
      key: 'at',
      title: t('adjustments.at'),
      cell: (row) => dayStamp(row.proposed_at),
      sort: (row) => row.proposed_at,
    },
    {
      key: 'accounts',
      wrap: true,
      title: t('adjustments.account'),
      cell: (row) => accountsOf(row, words),
      text: (row) => `${row.debit} → ${row.credit}`,
    },
    {
      key: 'amount',
      numeric: true,
      title: t('adjustments.amount'),
      cell: (row) => figure(row.amount),
      sort: (row) => kopecks(row.amount),
      text: (row) => row.amount,
    },
    {
      key: 'reason',
      wrap: true,
      secondary: true,
      title: t('adjustments.reason'),
      cell: (row) => row.reason,
      sort: (row) => row.reason,
    },
    {
      key: 'status',
      title: t('adjustments.status'),
      cell: (row) => <Badge color={COLOR[row.status] ?? 'gray'}>{t(`adjustmentStatus.${row.status}`)}</Badge>,
      sort: (row) => row.status,
    },
  ]
}

function accountsOf(row: Adjustment, words: Words): string {
  const name = (account: string) => accountTitle(account, words, ownerOf(row, account))
  return `${name(row.debit)} → ${name(row.credit)}`
}

/** A member is called by name. */
function ownerOf(row: Adjustment, account: string): string | null {
  return row.member && account.endsWith(row.member.id) ? row.member.name : null
}

function AdjustmentRecord({ adjustment }: { adjustment: Adjustment }) {
  const words = useWords()
  const { t, rubles, dayAndTime } = words
  const { balance } = adjustment
  const life = adjustment.life_months
  return (
    <Stack gap="md">
      <Facts
        rows={[
          [t('adjustments.what'), t(`adjustmentKind.${adjustment.kind}`)],
          [
            t('adjustments.debit'),
            accountTitle(adjustment.debit, words, ownerOf(adjustment, adjustment.debit)),
          ],
          [
            t('adjustments.credit'),
            accountTitle(adjustment.credit, words, ownerOf(adjustment, adjustment.credit)),
          ],
          [t('adjustments.amount'), rubles(adjustment.amount)],
          [
            t('adjustments.lifeShown'),
            /^(available|pending):/.test(adjustment.credit)
              ? life
                ? t('adjustments.months', { count: life })
                : t('adjustments.forever')
              : null,
          ],
          [t('adjustments.reason'), adjustment.reason],
          [t('adjustments.evidence'), adjustment.evidence],
          [
            t('adjustments.by'),
            `${adjustment.proposed_by.email ?? adjustment.proposed_by.id}, ${dayAndTime(adjustment.proposed_at)}`,
          ],
          [
            t('adjustments.decidedBy'),
            adjustment.decided_by && adjustment.decided_at
              ? `${adjustment.decided_by.email ?? adjustment.decided_by.id}, ${dayAndTime(adjustment.decided_at)}`
              : null,
          ],
          [t('adjustments.comment'), adjustment.comment],
          [
            t('adjustments.now'),
            balance
              ? (['available', 'pending', 'reserved', 'debt'] as const)
                  .map((kind) => `${t(`balanceName.${kind}`)} ${rubles(balance[kind])}`)
                  .join(' · ')
              : null,
          ],
        ]}
      />
      {adjustment.status === 'proposed' ? <Decision adjustment={adjustment} /> : null}
    </Stack>
  )
}

function Decision({ adjustment }: { adjustment: Adjustment }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const mayApprove = useMay(MAY.approve)
  const own = useStaff().id === adjustment.proposed_by.id
  const [comment, setComment] = useState('')
  const path = { path: { id: adjustment.id } }
  const done = async (words: string) => {
    say(words)
    await queries.invalidateQueries({ queryKey: ['adjustments'] })
  }
  const approving = useMutation({
    mutationFn: () =>
      ask(api.POST('/v1/adjustments/{id}/approve', { params: path, body: { as_seen: adjustment.as_seen } })),
    onSuccess: () => done(t('adjustments.approved')),
    onError: () => queries.invalidateQueries({ queryKey: ['adjustments'] }),
  })
  const declining = useMutation({
    mutationFn: () =>
      ask(api.POST('/v1/adjustments/{id}/decline', { params: path, body: { comment: comment.trim() } })),
    onSuccess: () => done(t('adjustments.declined')),
  })
  if (!mayApprove && !own) return null
  const error = approving.error ?? declining.error
  return (
    <Stack gap="sm">
      {error ? <ProblemNote error={error} allowed={MAY.approve} /> : null}
      <TextInput
        label={t('adjustments.comment')}
        maxLength={500}
        value={comment}
        data-testid="adjustment-comment"
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <Group justify="flex-end">
        <Button
          variant="default"
          disabled={comment.trim() === ''}
          loading={declining.isPending}
          data-testid="adjustment-decline"
          onClick={() => declining.mutate()}
        >
          {t('adjustments.decline')}
        </Button>
        {mayApprove && !own ? (
          <Button
            loading={approving.isPending}
            data-testid="adjustment-approve"
            onClick={() => approving.mutate()}
          >
            {t('adjustments.approve')}
          </Button>
        ) : null}
      </Group>
    </Stack>
  )
}
