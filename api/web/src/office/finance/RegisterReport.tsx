/** One register: its progress, its outcomes as tiles that filter, and its rows. */
import { Alert, Anchor, Badge, Group, Progress, SimpleGrid, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { RegisterReport as Report } from '../../api/types'
import { isZero, minus } from '../../ui/money'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Download } from '../parts/Download'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { Tile } from '../parts/Tile'
import { ALLOWED } from '../sections'
import { usePartnerNames } from './partnersQuery'
import { RegisterRows } from './RegisterRows'
import { STATUS_COLOR } from './Registers'

/** What needs somebody comes first. */
export const OUTCOMES = [
  'amount_differs',
  'only_theirs',
  'only_ours',
  'rejected',
  'duplicate',
  'returned',
  'posted',
  'matched',
] as const

export const OUTCOME_COLOR: Record<string, 'red' | 'green' | 'amber' | undefined> = {
  amount_differs: 'red',
  only_theirs: 'red',
  only_ours: 'red',
  rejected: 'red',
  duplicate: 'amber',
  returned: 'amber',
  posted: 'green',
  matched: 'green',
}

const POLL_MS = 1_000

export default function RegisterReport({ id }: { id: string }) {
  return (
    <Guarded section="registers">
      <Page id={id} />
    </Guarded>
  )
}

function working(status: string | undefined): boolean {
  return status === 'queued' || status === 'running'
}

function Page({ id }: { id: string }) {
  const { t } = useWords()
  const names = usePartnerNames()
  const report = useQuery({
    queryKey: ['register', id],
    queryFn: () => ask(api.GET('/v1/registers/{id}', { params: { path: { id } } })),
    refetchInterval: ({ state }) => (working(state.data?.status) ? POLL_MS : false),
  })
  return (
    <Loaded query={report} allowed={ALLOWED.registers}>
      {(data) => (
        <>
          <PageHead
            title={data.file_name}
            hint={
              <Group gap="sm">
                <Anchor component={Link} href="/registers" size="sm">
                  {t('registers.back')}
                </Anchor>
                <Text size="sm">
                  {names.get(data.partner) ?? data.partner} · {t(`mode.${data.mode}.name`)}
                </Text>
              </Group>
            }
          >
            <Badge
              size="lg"
              color={STATUS_COLOR[data.status] ?? 'gray'}
              data-testid="register-status"
              data-status={data.status}
            >
              {t(`jobStatus.${data.status}`)}
            </Badge>
            {data.status === 'done' ? (
              <Download
                path={`/v1/registers/${data.id}/report.csv`}
                name={`${data.file_name.replace(/\.\w+$/, '')}.report.csv`}
                label={t('registers.report')}
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
  if (report.status === 'failed') {
    return (
      <Alert color="red" title={t('registers.failed')} role="alert">
        {report.problem ?? t('registers.failedHint')}
      </Alert>
    )
  }
  if (working(report.status)) {
    const part = report.rows > 0 ? (report.done_rows / report.rows) * 100 : 100
    return (
      <Stack gap="xs" maw={560}>
        <Progress value={part} animated aria-label={t('registers.progress')} />
        <Text size="sm" role="status">
          {report.rows > 0
            ? t('registers.done', { done: count(report.done_rows), rows: count(report.rows) })
            : t('registers.reading')}
        </Text>
        <Text size="sm" c="dimmed">
          {t('registers.mayLeave')}
        </Text>
      </Stack>
    )
  }
  return <Outcomes report={report} />
}

function Outcomes({ report }: { report: Report }) {
  const { t, count, rubles } = useWords()
  const counts: Record<string, number> = report.outcomes
  const firstWithRows = OUTCOMES.find((outcome) => (counts[outcome] ?? 0) > 0)
  const [outcome, setOutcome] = useState<string | undefined>(firstWithRows)
  const difference = minus(report.amounts.theirs, report.amounts.ours)
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 2, sm: 4, xl: 8 }} spacing="sm">
        {OUTCOMES.map((one) => {
          const rows = counts[one] ?? 0
          return (
            <Tile
              key={one}
              name={t(`outcome.${one}`)}
              figure={count(rows)}
              color={rows > 0 ? OUTCOME_COLOR[one] : undefined}
              pressed={outcome === one}
              onPress={() => setOutcome(outcome === one ? undefined : one)}
              testId={`outcome-${one}`}
            />
          )
        })}
      </SimpleGrid>
      <Text size="sm">
        {t('registers.theirs')}: <b>{rubles(report.amounts.theirs)}</b> · {t('registers.ours')}:{' '}
        <b>{rubles(report.amounts.ours)}</b> · {t('registers.difference')}:{' '}
        <Text span fw={700} {...(isZero(difference) ? {} : { c: 'red' })}>
          {rubles(difference, true)}
        </Text>
      </Text>
      <RegisterRows id={report.id} outcome={outcome} />
    </Stack>
  )
}
