/** What a simulation found: cost before and after, over time and spread, by rule and payer, and where limits bite. */
import '@mantine/charts/styles.css'
import { BarChart } from '@mantine/charts'
import { Alert, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Simulation } from '../../../api/types'
import { isNegative, isZero, kopecks } from '../../../ui/money'
import { useWords } from '../../../ui/words'
import { Tile } from '../../parts/Tile'

/** A scrollable box must be reachable by keyboard. */
const REACHABLE = { viewportProps: { tabIndex: 0 } }

/** Only for drawing: a bar's height needs no kopecks. */
function height(amount: string): number {
  return Number(kopecks(amount)) / 100
}

export default function SimulationReport({ report }: { report: Simulation }) {
  const { t } = useWords()
  return (
    <Stack gap="lg" data-testid="simulation-report">
      <Sums report={report} />
      {report.dates_left_out ? <Alert color="amber">{t('simulation.datesLeftOut')}</Alert> : null}
      <Limits report={report} />
      <Part title={t('simulation.overTime')}>
        <Series report={report} />
      </Part>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Part title={t('simulation.perPurchase')}>
          <Bins bins={report.distribution?.per_purchase ?? []} label={t('simulation.perPurchase')} />
        </Part>
        <Part title={t('simulation.perMember')}>
          <Bins bins={report.distribution?.per_member ?? []} label={t('simulation.perMember')} />
        </Part>
      </SimpleGrid>
      <Costs report={report} />
    </Stack>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={3} size="h5" mb="xs">
        {title}
      </Title>
      {children}
    </section>
  )
}

function Sums({ report }: { report: Simulation }) {
  const { t, rubles, count } = useWords()
  const { cost, purchases, members, partners = [] } = report
  if (!cost || !purchases || !members) return null
  const touched = partners?.filter(({ purchases: bought }) => bought.affected > 0).length ?? 0
  const of = (name: string, affected: number, total: number) => (
    <Tile name={name} figure={count(affected)} hint={t('simulation.ofAll', { total: count(total) })} />
  )
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
      <Tile name={t('simulation.before')} figure={rubles(cost.before)} />
      <Tile name={t('simulation.after')} figure={rubles(cost.after)} testId="simulation-after" />
      <Tile
        name={t('simulation.difference')}
        figure={rubles(cost.difference, true)}
        color={isZero(cost.difference) ? undefined : isNegative(cost.difference) ? 'green' : 'amber'}
      />
      {of(t('simulation.purchases'), purchases.affected, purchases.total)}
      {of(t('simulation.members'), members.affected, members.total)}
      {of(t('simulation.partners'), touched, partners?.length ?? 0)}
    </SimpleGrid>
  )
}

function Limits({ report }: { report: Simulation }) {
  const { t, rubles, count, dayAndTime } = useWords()
  const limits = report.limits ?? []
  if (limits.length === 0) return <Text size="sm">{t('simulation.noLimits')}</Text>
  return (
    <Part title={t('simulation.limits')}>
      <Table.ScrollContainer minWidth={560} scrollAreaProps={REACHABLE}>
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('rules.name')}</Table.Th>
              <Table.Th>{t('simulation.limit')}</Table.Th>
              <Table.Th>{t('simulation.firstAt')}</Table.Th>
              <Table.Th className="number">{t('simulation.purchases')}</Table.Th>
              <Table.Th className="number">{t('simulation.trimmed')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {limits.map((bite) => (
              <Table.Tr key={`${bite.id ?? bite.draft} ${bite.limit}`}>
                <Table.Td>{bite.name}</Table.Td>
                <Table.Td>{t(`simulation.limitOf.${bite.limit}`)}</Table.Td>
                <Table.Td>{dayAndTime(bite.first_at)}</Table.Td>
                <Table.Td className="number">{count(bite.purchases)}</Table.Td>
                <Table.Td className="number">{rubles(bite.trimmed)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Part>
  )
}

function Chart(props: {
  label: string
  data: { name: string; before: number; after: number }[]
  value: (value: number) => string
}) {
  const { t } = useWords()
  return (
    <div role="img" aria-label={props.label}>
      <BarChart
        h={240}
        data={props.data}
        dataKey="name"
        withLegend
        valueFormatter={props.value}
        series={[
          { name: 'before', label: t('simulation.before'), color: 'gray.5' },
          { name: 'after', label: t('simulation.after'), color: 'ink.5' },
        ]}
      />
    </div>
  )
}

function Series({ report }: { report: Simulation }) {
  const { t, dayShort, figure } = useWords()
  const data = (report.series ?? []).map(({ from, before, after }) => ({
    name: dayShort(from),
    before: height(before),
    after: height(after),
  }))
  if (data.length === 0) return <Text size="sm">{t('simulation.nothing')}</Text>
  return <Chart label={t('simulation.overTime')} data={data} value={(value) => figure(value.toFixed(2))} />
}

interface Bin {
  from: string
  to?: string | null
  before: number
  after: number
}

function Bins({ bins, label }: { bins: Bin[]; label: string }) {
  const { t, language, count } = useWords()
  const plain = (amount: string) => count(Math.round(height(amount)))
  const name = ({ from, to }: Bin) => {
    if (to && isZero(to)) return '0'
    return to ? t('simulation.upTo', { to: plain(to) }) : t('simulation.above', { from: plain(from) })
  }
  const data = bins.map((bin) => ({ name: name(bin), before: bin.before, after: bin.after }))
  return <Chart key={language} label={label} data={data} value={(value) => count(value)} />
}

function Costs({ report }: { report: Simulation }) {
  const { t } = useWords()
  const rules = (report.rules ?? []).map((rule) => ({ ...rule, key: `${rule.id ?? rule.draft}` }))
  const payers = (report.funders ?? []).map((payer) => ({
    ...payer,
    key: `${payer.kind} ${payer.code}`,
    name: payer.kind === 'partner' ? `${t('rule.byPartner')} ${payer.code}` : payer.code,
  }))
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Part title={t('simulation.byRule')}>
        <Pairs rows={rules} />
      </Part>
      <Part title={t('rules.funding')}>
        <Pairs rows={payers} />
      </Part>
    </SimpleGrid>
  )
}

function Pairs({ rows }: { rows: { key: string; name: string; before: string; after: string }[] }) {
  const { t, rubles } = useWords()
  return (
    <Table.ScrollContainer minWidth={320} scrollAreaProps={REACHABLE}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('rules.name')}</Table.Th>
            <Table.Th className="number">{t('simulation.before')}</Table.Th>
            <Table.Th className="number">{t('simulation.after')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.key}>
              <Table.Td>{row.name}</Table.Td>
              <Table.Td className="number">{rubles(row.before)}</Table.Td>
              <Table.Td className="number">{rubles(row.after)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
