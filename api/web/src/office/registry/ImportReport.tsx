/** How an import went: progress, counts, and every refused row with its line and reasons in words. */
import { Badge, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '../../api/client'
import type { Rejected, ImportReport as Report } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { type Column, DataTable } from '../parts/DataTable'
import { FileReport, POLL_MS, working } from '../parts/FileReport'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { Tile } from '../parts/Tile'
import { usePaged } from '../parts/usePaged'
import { ALLOWED } from '../sections'
import { countsOf } from './importCounts'

export default function ImportReport({ id }: { id: string }) {
  return (
    <Guarded section="imports">
      <Page id={id} />
    </Guarded>
  )
}

function Page({ id }: { id: string }) {
  const { t, count } = useWords()
  const report = useQuery({
    queryKey: ['import', id],
    queryFn: () => ask(api.GET('/v1/imports/{id}', { params: { path: { id } } })),
    refetchInterval: ({ state }) => (working(state.data?.status) ? POLL_MS : false),
  })
  return (
    <Loaded query={report} allowed={ALLOWED.imports}>
      {(data) => {
        const { read, rejected } = countsOf(data)
        const path = `/v1/imports/${data.id}/rejected.csv`
        return (
          <FileReport
            file={data}
            section="imports"
            about={t(`imports.${data.kind}`)}
            testId="import-status"
            download={
              rejected > 0 ? { path, suffix: 'rejected.csv', label: t('imports.download') } : undefined
            }
            progress={{
              part: 100,
              words: read > 0 ? t('imports.read', { rows: count(read) }) : t('registers.reading'),
            }}
          >
            <Counts report={data} />
          </FileReport>
        )
      }}
    </Loaded>
  )
}

function Counts({ report }: { report: Report }) {
  const { t, count } = useWords()
  const counts = countsOf(report)
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm">
        <Tile name={t('imports.count.read')} figure={count(counts.read)} />
        <Tile
          name={t('imports.count.created')}
          figure={count(counts.created)}
          color="green"
          testId="import-created"
        />
        <Tile name={t('imports.count.updated')} figure={count(counts.updated)} />
        <Tile name={t('imports.count.unchanged')} figure={count(counts.unchanged)} />
        <Tile
          name={t('imports.count.rejected')}
          figure={count(counts.rejected)}
          color={counts.rejected > 0 ? 'red' : undefined}
          testId="import-rejected"
        />
      </SimpleGrid>
      {counts.rejected > 0 ? <Refused report={report} /> : <Empty title={t('imports.allTaken')} />}
    </Stack>
  )
}

export function importReason(slug: string, { t, exists }: Words): string {
  const key = `importReason.${slug.replaceAll('-', '_')}`
  return exists(key) ? t(key) : slug
}

function Refused({ report }: { report: Report }) {
  const words = useWords()
  const { t, count } = words
  const list = usePaged<Rejected>(['rejected', report.id], (paging, signal) =>
    ask(api.GET('/v1/imports/{id}/rejected', { params: { path: { id: report.id }, query: paging }, signal })),
  )
  const columns: Column<Rejected>[] = [
    {
      key: 'line',
      title: t('imports.line'),
      numeric: true,
      cell: (row) => row.line,
      sort: (row) => row.line,
    },
    {
      key: 'reasons',
      wrap: true,
      title: t('imports.reasons'),
      cell: (row) => row.reasons.map((reason) => importReason(reason, words)).join('; '),
      sort: (row) => row.reasons.map((reason) => importReason(reason, words)).join('; '),
    },
    {
      key: 'row',
      wrap: true,
      title: t('imports.row'),
      cell: (row) => (
        <Text size="xs" c="dimmed">
          {row.row.join(' · ')}
        </Text>
      ),
      text: (row) => row.row.join(';'),
    },
  ]
  return (
    <div>
      <Title order={2} size="h5" mb="xs">
        {t('imports.refused')}
      </Title>
      <Group gap="xs" mb="sm">
        {Object.entries(countsOf(report).reasons).map(([reason, number]) => (
          <Badge key={reason} color="red" size="lg">
            {importReason(reason, words)}: {count(number)}
          </Badge>
        ))}
      </Group>
      <Loaded query={list.loaded}>
        {(rows) => (
          <DataTable
            label={t('imports.refused')}
            testId="rejected-rows"
            above={420}
            columns={columns}
            rows={rows}
            rowKey={(row) => String(row.line)}
            under={<More count={rows.length} more={list.more} busy={list.busy} />}
          />
        )}
      </Loaded>
    </div>
  )
}
