/** The tree of organisations, walked level by level or searched, with statistics beside it. */
import { Anchor, Breadcrumbs, Button, TextInput } from '@mantine/core'
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import type { Organisation } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { usePaged } from '../parts/usePaged'
import { ALLOWED } from '../sections'
import { useStaff } from '../staff'
import { OrganisationRecord } from './OrganisationRecord'

const LEVELS_MAX = 8

export default function Organisations({ chosen }: { chosen: string | undefined }) {
  return (
    <Guarded section="organisations">
      <FromOwnRoot chosen={chosen} />
    </Guarded>
  )
}

/** The organisation and all above it that one may see, topmost first. */
function usePath(code: string | undefined) {
  return useQuery({
    queryKey: ['organisation-path', code],
    enabled: code !== undefined,
    queryFn: async () => {
      const path: Organisation[] = []
      let next = code
      while (next && path.length < LEVELS_MAX) {
        const here: Organisation | undefined = await ask(
          api.GET('/v1/organisations/{code}', { params: { path: { code: next } } }),
        ).catch((error) => {
          // Above one's own branch there is nothing to see; the first one must be there.
          if (path.length === 0) throw error
          return undefined
        })
        if (!here) break
        path.unshift(here)
        next = here.parent_code ?? undefined
      }
      return path
    },
  })
}

/** Who is bound to a branch starts at its top; others see all, what stands on its own first. */
function FromOwnRoot({ chosen }: { chosen: string | undefined }) {
  const { organisation } = useStaff()
  return <Page chosen={chosen ?? organisation?.code} />
}

function rootsFirst(rows: Organisation[]): Organisation[] {
  return [...rows.filter(({ parent_code }) => !parent_code), ...rows.filter(({ parent_code }) => parent_code)]
}

function Page({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [, go] = useLocation()
  const [search, setSearch] = useState('')
  const [query] = useDebouncedValue(search.trim(), 250)
  const path = usePath(chosen)
  const list = usePaged<Organisation>(['organisations', query, query ? null : chosen], (paging, signal) =>
    ask(
      api.GET('/v1/organisations', {
        params: { query: { ...(query ? { query } : chosen ? { parent: chosen } : {}), ...paging } },
        signal,
      }),
    ),
  )
  const here = path.data?.at(-1)
  const wide = useMediaQuery('(min-width: 1200px)', true, { getInitialValueInEffect: false })
  const [record, setRecord] = useState<boolean>()
  const recordOpen = record ?? wide
  const open = (code: string) => {
    setSearch('')
    go(`/organisations/${code}`)
  }
  return (
    <>
      <PageHead title={t('nav.organisations')} hint={<Way path={chosen ? (path.data ?? []) : []} />}>
        {here && chosen && !recordOpen ? (
          <Button variant="default" data-testid="organisation-open" onClick={() => setRecord(true)}>
            {t('organisations.about')}
          </Button>
        ) : null}
      </PageHead>
      <TextInput
        mb="md"
        maw={360}
        label={t('organisations.search')}
        placeholder={t('organisations.searchHint')}
        leftSection={<IconSearch size={16} />}
        data-testid="organisation-search"
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      <Beside
        title={here?.name ?? ''}
        record={
          here && chosen && recordOpen ? (
            <OrganisationRecord key={here.code} organisation={here} />
          ) : undefined
        }
        onClose={() => setRecord(false)}
      >
        <Loaded query={list.loaded} allowed={ALLOWED.organisations}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={chosen !== undefined && recordOpen}
                label={t('nav.organisations')}
                exportName="organisations"
                above={290}
                columns={columnsOf(words)}
                rows={chosen ? rows : rootsFirst(rows)}
                rowKey={(row) => row.code}
                rowTestId="organisation-row"
                onOpen={(row) => open(row.code)}
                under={<More count={rows.length} more={list.more} busy={list.busy} />}
              />
            ) : (
              <Empty title={query ? t('organisations.empty') : t('organisations.leaf')} />
            )
          }
        </Loaded>
      </Beside>
    </>
  )
}

function Way({ path }: { path: Organisation[] }) {
  const { t } = useWords()
  return (
    <Breadcrumbs separatorMargin={6} style={{ flexWrap: 'wrap' }}>
      <Anchor component={Link} href="/organisations" size="sm">
        {t('organisations.top')}
      </Anchor>
      {path.map(({ code, name }) => (
        <Anchor key={code} component={Link} href={`/organisations/${code}`} size="sm">
          {name}
        </Anchor>
      ))}
    </Breadcrumbs>
  )
}

function columnsOf({ t, count }: Words): Column<Organisation>[] {
  return [
    {
      key: 'name',
      wrap: true,
      title: t('organisations.name'),
      cell: (row) => row.name,
      sort: (row) => row.name,
    },
    { key: 'code', title: t('organisations.code'), cell: (row) => row.code, sort: (row) => row.code },
    {
      key: 'kind',
      secondary: true,
      title: t('organisations.kind'),
      cell: (row) => t(`organisationKind.${row.kind}`),
      sort: (row) => t(`organisationKind.${row.kind}`),
    },
    {
      key: 'children',
      title: t('organisations.children'),
      numeric: true,
      cell: (row) => count(row.children),
      sort: (row) => row.children,
    },
    {
      key: 'members',
      title: t('organisations.members'),
      numeric: true,
      cell: (row) => count(row.members),
      sort: (row) => row.members,
    },
  ]
}
