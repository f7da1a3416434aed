/** How an import went: progress, counts, and every refused row with its line and reasons in words. */
import { Alert, Anchor, Badge, Group, Progress, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { Rejected, ImportReport as Report } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { type Column, DataTable } from '../parts/DataTable'
import { Download } from '../parts/Download'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { Tile } from '../parts/Tile'
import { usePaged } from '../parts/usePaged'
import { ALLOWED } from '../sections'
import { countsOf } from './importCounts'

const POLL_MS = 1_000
const COLOR: Record<string, string> = { queued: 'gray', running: 'amber', done: 'green', failed: 'red' }

export default function ImportReport({ id }: { id: string }) {
  return (
    <Guarded section="imports">
      <Page id={id} />
    </Guarded>
  )
}

function working(status: string | undefined): boolean {
  return status === 'queued' || status === 'running'
}

function Page({ id }: { id: string }) {
  const { t } = useWords()
  const report = useQuery({
    queryKey: ['import', id],
    queryFn: () => ask(api.GET('/v1/imports/{id}', { params: { path: { id } } })),
    refetchInterval: ({ state }) => (working(state.data?.status) ? POLL_MS : false),
  })
  return (
    <Loaded query={report} allowed={ALLOWED.imports}>
      {(data) => (
        <>
          <PageHead
            title={data.file_name}
            hint={
              <Group gap="sm">
                <Anchor component={Link} href="/imports" size="sm">
                  {t('imports.back')}
                </Anchor>
                <Text size="sm">{t(`imports.${data.kind}`)}</Text>
              </Group>
            }
          >
            <Badge
              size="lg"
              color={COLOR[data.status] ?? 'gray'}
              data-testid="import-status"
              data-status={data.status}
            >
              {t(`jobStatus.${data.status}`)}
            </Badge>
            {countsOf(data).rejected > 0 && !working(data.status) ? (
              <Download
                path={`/v1/imports/${data.id}/rejected.csv`}
                name={`${data.file_name.replace(/\.\w+$/, '')}.rejected.csv`}
                label={t('imports.download')}
              />
            ) : null}
          </PageHead>
          <Content report={data} />
        </>
      )}
    </Loaded>
  )
}

function Content({ report }: { report: Report }) {
  const { t, count } = useWords()
  const counts = countsOf(report)
  if (report.status === 'failed') {
    return (
      <Alert color="red" title={t('imports.failed')} role="alert">
        {report.problem ?? t('imports.failedHint')}
      </Alert>
    )
  }
  if (working(report.status)) {
    return (
      <Stack gap="xs" maw={560}>
        <Progress value={100} animated aria-label={t('registers.progress')} />
        <Text size="sm" role="status">
          {counts.read > 0 ? t('imports.read', { rows: count(counts.read) }) : t('registers.reading')}
        </Text>
        <Text size="sm" c="dimmed">
          {t('registers.mayLeave')}
        </Text>
      </Stack>
    )
  }
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
