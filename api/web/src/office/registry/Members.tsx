/** The members: search, filters, the list, and a record beside it. */
import { Badge, Group, Select, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useState } from 'react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import type { Member } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { usePaged } from '../parts/usePaged'
import { ALLOWED } from '../sections'
import { MemberRecord } from './MemberRecord'
import { OrganisationPicker } from './OrganisationPicker'
import { fullName, MEMBER_COLOR } from './people'

type Status = 'active' | 'suspended' | 'left'

export default function Members({ chosen }: { chosen: string | undefined }) {
  return (
    <Guarded section="members">
      <Page chosen={chosen} />
    </Guarded>
  )
}

function Page({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [, go] = useLocation()
  const [search, setSearch] = useState('')
  const [query] = useDebouncedValue(search.trim(), 250)
  const [organisation, setOrganisation] = useState<string | null>(null)
  const [status, setStatus] = useState<Status | null>(null)
  useCardNumber(query, (member) => go(`/members/${member}`))
  const list = usePaged<Member>(['members', query, organisation, status], (paging, signal) =>
    ask(
      api.GET('/v1/members', {
        params: {
          query: {
            ...(query ? { query } : {}),
            ...(organisation ? { organisation } : {}),
            ...(status ? { status } : {}),
            ...paging,
          },
        },
        signal,
      }),
    ),
  )
  return (
    <>
      <PageHead title={t('nav.members')} />
      <Group mb="md" align="flex-end" gap="sm">
        <TextInput
          label={t('members.search')}
          placeholder={t('members.searchHint')}
          leftSection={<IconSearch size={16} />}
          w={{ base: '100%', sm: 300 }}
          autoFocus
          data-testid="member-search"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <OrganisationPicker
          label={t('members.organisation')}
          value={organisation}
          onChange={setOrganisation}
        />
        <Select
          label={t('members.status')}
          placeholder={t('members.anyStatus')}
          clearable
          data={(['active', 'suspended', 'left'] as const).map((value) => ({
            value,
            label: t(`memberStatus.${value}`),
          }))}
          value={status}
          onChange={(value) => setStatus(value as Status | null)}
        />
      </Group>
      <Beside
        title={t('members.record')}
        record={chosen ? <MemberRecord key={chosen} id={chosen} /> : undefined}
        onClose={() => go('/members')}
      >
        <Loaded query={list.loaded} allowed={ALLOWED.members}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={chosen !== undefined}
                label={t('nav.members')}
                testId="members"
                exportName="members"
                above={270}
                columns={columnsOf(words)}
                rows={rows}
                rowKey={(row) => row.id}
                rowTestId="member-row"
                chosen={chosen}
                onOpen={(row) => go(`/members/${row.id}`)}
                under={<More count={rows.length} more={list.more} busy={list.busy} />}
              />
            ) : (
              <Empty title={t('members.empty')}>{t('members.emptyHint')}</Empty>
            )
          }
        </Loaded>
      </Beside>
    </>
  )
}

/** A card's number in the search opens whose card it is. */
function useCardNumber(query: string, open: (member: string) => void) {
  const number = query.replace(/\s/g, '')
  const found = useQuery({
    queryKey: ['card', number],
    enabled: /^9643\d{12}$/.test(number),
    queryFn: async () =>
      (await ask(api.GET('/v1/cards', { params: { query: { number } } }))).items[0]?.member ?? null,
  })
  const show = useEffectEvent(open)
  const member = found.data
  useEffect(() => {
    if (member) show(member)
  }, [member])
}

function columnsOf({ t, dayStamp }: Words): Column<Member>[] {
  return [
    {
      key: 'name',
      wrap: true,
      title: t('members.name'),
      cell: (row) => fullName(row),
      sort: (row) => fullName(row),
    },
    {
      key: 'number',
      title: t('members.number'),
      cell: (row) => row.membership_number,
      sort: (row) => row.membership_number,
    },
    {
      key: 'born',
      secondary: true,
      title: t('members.born'),
      cell: (row) => (row.birth_date ? dayStamp(row.birth_date) : '—'),
      sort: (row) => row.birth_date ?? '',
    },
    {
      key: 'organisation',
      wrap: true,
      secondary: true,
      title: t('members.organisation'),
      cell: (row) => row.organisation.name,
      sort: (row) => row.organisation.name,
    },
    {
      key: 'category',
      secondary: true,
      title: t('members.category'),
      cell: (row) => t(`category.${row.category || 'unspecified'}`),
      sort: (row) => t(`category.${row.category || 'unspecified'}`),
    },
    {
      key: 'status',
      title: t('members.status'),
      cell: (row) => (
        <Badge color={MEMBER_COLOR[row.status] ?? 'gray'}>{t(`memberStatus.${row.status}`)}</Badge>
      ),
      sort: (row) => t(`memberStatus.${row.status}`),
    },
  ]
}
