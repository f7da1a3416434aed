/** Members' claims: finance finds the outlet of those whose till nobody knows; the rest is their partners' to decide. */
import { Alert, Badge, Button, Group, Select, Stack, Text, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import type { Claim } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { Empty, ProblemNote } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import type { Column } from '../parts/DataTable'
import { Facts } from '../parts/Facts'
import { Guarded } from '../parts/Guarded'
import { usePaged } from '../parts/usePaged'
import { WorkList } from '../parts/WorkList'
import { MAY } from '../sections'
import { useMay } from '../staff'
import { partnersQuery } from './partnersQuery'

const STATUSES = ['unmatched', 'waiting', 'approved', 'confirmed', 'declined', 'expired'] as const
type Status = (typeof STATUSES)[number]

const COLOR: Record<string, string> = {
  unmatched: 'red',
  waiting: 'amber',
  approved: 'green',
  confirmed: 'green',
  declined: 'gray',
  expired: 'gray',
}

export default function Claims({ chosen }: { chosen?: string | undefined }) {
  return (
    <Guarded section="claims">
      <Page chosen={chosen} />
    </Guarded>
  )
}

function Page({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [status, setStatus] = useState<Status>('unmatched')
  const list = usePaged<Claim>(['claims', status], (paging, signal) =>
    ask(api.GET('/v1/claims', { params: { query: { ...paging, status } }, signal })),
  )
  const opened = list.items?.find(({ id }) => id === chosen)
  return (
    <WorkList
      section="claims"
      states={STATUSES.map((value) => ({ value, label: t(`claims.status.${value}`) }))}
      state={status}
      onState={setStatus}
      list={list}
      columns={columnsOf(words)}
      rowTestId="claim-row"
      empty={<Empty title={t('claims.empty')} />}
      opened={opened}
      title={opened ? t('claims.one', { document: opened.document }) : ''}
      record={opened ? <Record key={opened.id} claim={opened} /> : null}
    />
  )
}

function columnsOf({ t, stamp, figure }: Words): Column<Claim>[] {
  return [
    {
      key: 'filed',
      title: t('claims.filed'),
      cell: (row) => stamp(row.filed_at),
      sort: (row) => row.filed_at,
    },
    { key: 'drive', title: t('claims.drive'), cell: (row) => row.drive, sort: (row) => row.drive },
    {
      key: 'document',
      secondary: true,
      title: t('claims.document'),
      numeric: true,
      cell: (row) => row.document,
      sort: (row) => row.document,
    },
    {
      key: 'outlet',
      title: t('claims.outlet'),
      cell: (row) => row.outlet ?? '—',
      sort: (row) => row.outlet ?? '',
    },
    {
      key: 'amount',
      title: t('claims.amount'),
      numeric: true,
      cell: (row) => figure(row.amount),
      sort: (row) => Number(row.amount),
      text: (row) => row.amount,
    },
    {
      key: 'status',
      secondary: true,
      title: t('claims.state'),
      cell: (row) => <Badge color={COLOR[row.status] ?? 'gray'}>{t(`claims.status.${row.status}`)}</Badge>,
      sort: (row) => row.status,
    },
  ]
}

function Record({ claim }: { claim: Claim }) {
  const { t, stamp, rubles } = useWords()
  const may = useMay(MAY.assignClaim)
  return (
    <Stack gap="md" data-testid="claim-record" data-status={claim.status}>
      <Facts
        rows={[
          [t('claims.amount'), rubles(claim.amount)],
          [t('claims.printed'), claim.printed_at.replace('T', ' ')],
          [t('claims.drive'), claim.drive],
          [t('claims.document'), String(claim.document)],
          [t('claims.sign'), String(claim.sign)],
          [t('claims.outlet'), claim.outlet],
          [t('claims.filed'), stamp(claim.filed_at)],
          [t('claims.until'), claim.waits_until ? stamp(claim.waits_until) : null],
          [
            t('claims.reason'),
            claim.reason ? t(`claims.reasons.${claim.reason}`, { defaultValue: claim.reason }) : null,
          ],
          [t('claims.words'), claim.words],
        ]}
      />
      {claim.status === 'unmatched' && may ? <FindOutlet claim={claim} /> : null}
      {claim.status === 'waiting' ? <Alert color="gray">{t('claims.partners')}</Alert> : null}
    </Stack>
  )
}

function FindOutlet({ claim }: { claim: Claim }) {
  const { t } = useWords()
  const queries = useQueryClient()
  const say = useAnnounce()
  const partners = useQuery(partnersQuery())
  const [outlet, setOutlet] = useState<string | null>(null)
  const [reason, setReason] = useState('')
  const settled = async () => {
    say(t('claims.done'))
    await queries.invalidateQueries({ queryKey: ['claims'] })
  }
  const params = { path: { id: claim.id } }
  const assign = useMutation({
    mutationFn: () => ask(api.POST('/v1/claims/{id}/assign', { params, body: { outlet: outlet ?? '' } })),
    onSuccess: settled,
  })
  const decline = useMutation({
    mutationFn: () => ask(api.POST('/v1/claims/{id}/decline', { params, body: { reason: reason.trim() } })),
    onSuccess: settled,
  })
  return (
    <Stack gap="sm">
      <Text size="sm">{t('claims.findHint')}</Text>
      <Select
        searchable
        label={t('claims.find')}
        data-testid="claim-outlet"
        value={outlet}
        onChange={setOutlet}
        data={(partners.data ?? []).map((partner) => ({
          group: partner.name,
          items: partner.outlets.map(({ code, name, town }) => ({
            value: code,
            label: [name, town].filter(Boolean).join(' · '),
          })),
        }))}
      />
      <Group justify="flex-end">
        <Button
          disabled={!outlet}
          loading={assign.isPending}
          data-testid="claim-assign"
          onClick={() => assign.mutate()}
        >
          {t('claims.assign')}
        </Button>
      </Group>
      {assign.error ? <ProblemNote error={assign.error} /> : null}
      <Textarea
        label={t('claims.declineWhy')}
        description={t('claims.declineHint')}
        maxLength={300}
        autosize
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Group justify="flex-end">
        <Button
          color="red"
          variant="outline"
          disabled={reason.trim() === ''}
          loading={decline.isPending}
          data-testid="claim-decline"
          onClick={() => decline.mutate()}
        >
          {t('claims.decline')}
        </Button>
      </Group>
      {decline.error ? <ProblemNote error={decline.error} /> : null}
    </Stack>
  )
}
