/** Simulations of the last month, everybody's: what was tried, by whom, how it goes and what it would cost. */
import { Anchor, Badge, Stack } from '@mantine/core'
import { Link, useLocation } from 'wouter'
import { api, ask } from '../../../api/client'
import type { SimulationListed } from '../../../api/types'
import { Empty, Loaded } from '../../../ui/states'
import { useWords, type Words } from '../../../ui/words'
import { type Column, DataTable } from '../../parts/DataTable'
import { Guarded } from '../../parts/Guarded'
import { More } from '../../parts/More'
import { PageHead } from '../../parts/PageHead'
import { usePaged } from '../../parts/usePaged'
import { MAY } from '../../sections'
import { isWorking, SimulationRun, useSimulation } from './SimulationRun'

const COLOR: Record<string, string> = { queued: 'gray', running: 'amber', done: 'green', failed: 'red' }
const POLL_MS = 3_000

export default function Simulations({ id }: { id?: string | undefined }) {
  return <Guarded section="rules">{id ? <One key={id} id={id} /> : <All />}</Guarded>
}

function All() {
  const words = useWords()
  const { t } = words
  const [, go] = useLocation()
  const list = usePaged<SimulationListed>(
    ['simulations'],
    (paging, signal) => ask(api.GET('/v1/rules/simulations', { params: { query: paging }, signal })),
    { refetchInterval: (items) => (items.some(isWorking) ? POLL_MS : false) },
  )
  return (
    <>
      <PageHead title={t('simulation.list')} hint={t('simulation.listHint')}>
        <Anchor component={Link} href="/rules">
          {t('ruleForm.back')}
        </Anchor>
      </PageHead>
      <Loaded query={list.loaded} allowed={MAY.readSimulations}>
        {(rows) =>
          rows.length > 0 ? (
            <DataTable
              label={t('simulation.list')}
              exportName="simulations"
              above={200}
              columns={columnsOf(words)}
              rows={rows}
              rowTestId="simulation-row"
              rowKey={(row) => row.id}
              onOpen={(row) => go(`/rules/simulations/${row.id}`)}
              under={<More count={rows.length} more={list.more} busy={list.busy} />}
            />
          ) : (
            <Empty title={t('simulation.none')}>{t('simulation.noneHint')}</Empty>
          )
        }
      </Loaded>
    </>
  )
}

function rulesOf({ asked }: SimulationListed): string {
  return asked.rules.map((name) => `«${name}»`).join(', ') || '—'
}

function columnsOf({ t, stamp, dayStamp, figure }: Words): Column<SimulationListed>[] {
  return [
    {
      key: 'at',
      title: t('simulation.asked'),
      cell: (row) => stamp(row.asked.at),
      sort: (row) => row.asked.at,
    },
    { key: 'rules', wrap: true, title: t('simulation.rules'), cell: rulesOf, sort: rulesOf },
    {
      key: 'period',
      title: t('simulation.period'),
      cell: ({ asked }) => `${dayStamp(asked.from)} – ${dayStamp(asked.to)}`,
      sort: ({ asked }) => `${asked.from} ${asked.to}`,
    },
    {
      key: 'by',
      wrap: true,
      title: t('simulation.by'),
      cell: ({ asked }) => asked.by.email ?? t('ruleHistory.somebody'),
      sort: ({ asked }) => asked.by.email ?? '',
    },
    {
      key: 'status',
      title: t('simulation.status'),
      cell: (row) => (
        <Badge color={COLOR[row.status] ?? 'gray'}>
          {t(`simulation.statusOf.${row.status}`, { defaultValue: row.status })}
          {row.status === 'running' && row.of ? ` ${Math.floor((row.seen / row.of) * 100)}\u00a0%` : null}
        </Badge>
      ),
      sort: (row) => row.status,
    },
    {
      key: 'difference',
      title: t('simulation.differenceOf'),
      numeric: true,
      cell: ({ cost }) => (cost ? figure(cost.difference, true) : '—'),
      sort: ({ cost }) => Number(cost?.difference ?? 0),
      text: ({ cost }) => cost?.difference ?? '',
    },
  ]
}

function One({ id }: { id: string }) {
  const { t, dayAndTime, dayStamp } = useWords()
  const query = useSimulation(id)
  const asked = query.data?.asked
  return (
    <>
      <PageHead
        title={
          asked && asked.rules.length > 0
            ? asked.rules.map((name) => `«${name}»`).join(', ')
            : t('simulation.title')
        }
        hint={
          asked
            ? t('simulation.said', {
                from: dayStamp(asked.from),
                to: dayStamp(asked.to),
                who: asked.by.email ?? t('ruleHistory.somebody'),
                at: dayAndTime(asked.at),
              })
            : ''
        }
      >
        <Anchor component={Link} href="/rules/simulations">
          {t('simulation.all')}
        </Anchor>
      </PageHead>
      <Stack data-testid="simulation-page">
        <SimulationRun query={query} />
      </Stack>
    </>
  )
}
