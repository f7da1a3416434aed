/** One register: its progress, its outcomes as tiles that filter, and its rows. */
import { SimpleGrid, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import type { RegisterReport as Report } from '../../api/types'
import { isZero, minus } from '../../ui/money'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { FileReport, POLL_MS, working } from '../parts/FileReport'
import { Guarded } from '../parts/Guarded'
import { Tile } from '../parts/Tile'
import { ALLOWED } from '../sections'
import { usePartnerNames } from './partnersQuery'
import { RegisterRows } from './RegisterRows'

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

export default function RegisterReport({ id }: { id: string }) {
  return (
    <Guarded section="registers">
      <Page id={id} />
    </Guarded>
  )
}

function Page({ id }: { id: string }) {
  const { t, count } = useWords()
  const names = usePartnerNames()
  const report = useQuery({
    queryKey: ['register', id],
    queryFn: () => ask(api.GET('/v1/registers/{id}', { params: { path: { id } } })),
    refetchInterval: ({ state }) => (working(state.data?.status) ? POLL_MS : false),
  })
  return (
    <Loaded query={report} allowed={ALLOWED.registers}>
      {(data) => {
        const { rows, done_rows: done, status } = data
        const path = `/v1/registers/${data.id}/report.csv`
        return (
          <FileReport
            file={data}
            section="registers"
            about={`${names.get(data.partner) ?? data.partner} · ${t(`mode.${data.mode}.name`)}`}
            testId="register-status"
            download={
              status === 'done' ? { path, suffix: 'report.csv', label: t('registers.report') } : undefined
            }
            progress={{
              part: rows > 0 ? (done / rows) * 100 : 100,
              words:
                rows > 0
                  ? t('registers.done', { done: count(done), rows: count(rows) })
                  : t('registers.reading'),
            }}
          >
            <Outcomes report={data} />
          </FileReport>
        )
      }}
    </Loaded>
  )
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
