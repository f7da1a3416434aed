/** The rules in force and in waiting, in words; they are drafted and approved elsewhere. */
import { Badge, Select, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import type { Rule } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Facts } from '../parts/Facts'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { type PageOf, usePaged } from '../parts/usePaged'
import { ALLOWED } from '../sections'
import { useStaff } from '../staff'
import { partnersQuery } from './partnersQuery'
import { capWords, earnWords, fundingWords, whenWords } from './ruleWords'

const COLOR: Record<string, string> = { active: 'green', scheduled: 'amber', draft: 'amber', ended: 'gray' }

export default function Rules() {
  return (
    <Guarded section="rules">
      <Page />
    </Guarded>
  )
}

function Page() {
  const words = useWords()
  const { t } = words
  const staff = useStaff()
  const partners = useQuery({ ...partnersQuery(), enabled: !staff.partner })
  const [partner, setPartner] = useState<string | null>(null)
  const [chosen, setChosen] = useState<Rule>()
  const list = usePaged<Rule>(['rules', partner], async (paging, signal) => {
    const page = await ask(
      api.GET('/v1/rules', { params: { query: { ...(partner ? { partner } : {}), ...paging } }, signal }),
    )
    return page as unknown as PageOf<Rule>
  })
  const names = new Map((partners.data ?? []).map(({ code, name }) => [code, name]))
  return (
    <>
      <PageHead title={t('rules.title')} hint={t('rules.hint')} />
      {staff.partner ? null : (
        <Select
          mb="md"
          maw={320}
          label={t('rules.partner')}
          placeholder={t('rules.all')}
          clearable
          searchable
          data={(partners.data ?? []).map(({ code, name }) => ({ value: code, label: name }))}
          value={partner}
          onChange={setPartner}
        />
      )}
      <Beside
        title={chosen?.name ?? ''}
        record={
          chosen ? (
            <RuleRecord rule={chosen} partner={names.get(chosen.partner) ?? chosen.partner} />
          ) : undefined
        }
        onClose={() => setChosen(undefined)}
      >
        <Loaded query={list.loaded} allowed={ALLOWED.rules}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={chosen !== undefined}
                label={t('rules.title')}
                exportName="rules"
                above={300}
                columns={columnsOf(words, names)}
                rows={rows}
                rowKey={(row) => `${row.id} ${row.version}`}
                chosen={chosen ? `${chosen.id} ${chosen.version}` : undefined}
                onOpen={setChosen}
                under={<More count={rows.length} more={list.more} busy={list.busy} />}
              />
            ) : (
              <Empty title={t('rules.empty')} />
            )
          }
        </Loaded>
      </Beside>
    </>
  )
}

function columnsOf(words: Words, names: Map<string, string>): Column<Rule>[] {
  const { t } = words
  return [
    { key: 'name', wrap: true, title: t('rules.name'), cell: (row) => row.name, sort: (row) => row.name },
    {
      key: 'partner',
      wrap: true,
      title: t('rules.partner'),
      cell: (row) => names.get(row.partner) ?? row.partner,
      sort: (row) => names.get(row.partner) ?? row.partner,
    },
    {
      key: 'earn',
      wrap: true,
      title: t('rules.earn'),
      cell: (row) => earnWords(row, words),
      text: (row) => earnWords(row, words),
    },
    {
      key: 'version',
      secondary: true,
      title: t('rules.version'),
      numeric: true,
      cell: (row) => row.version,
      sort: (row) => row.version,
    },
    {
      key: 'status',
      title: t('rules.status'),
      cell: (row) => <Badge color={COLOR[row.status] ?? 'gray'}>{t(`ruleStatus.${row.status}`)}</Badge>,
      sort: (row) => row.status,
    },
  ]
}

function RuleRecord({ rule, partner }: { rule: Rule; partner: string }) {
  const words = useWords()
  const { t } = words
  const lines = (all: string[]) =>
    all.length > 0
      ? all.map((line) => (
          <Text key={line} size="sm">
            {line}
          </Text>
        ))
      : t('rules.none')
  return (
    <Facts
      rows={[
        [t('rules.partner'), partner],
        [t('rules.earn'), earnWords(rule, words)],
        [t('rules.when'), lines(whenWords(rule, words))],
        [t('rules.caps'), lines(capWords(rule, words))],
        [t('rules.funding'), fundingWords(rule, words)],
        [t('rules.stacking'), t(`stacking.${rule.stacking ?? 'exclusive'}`)],
        [t('rules.hold'), t('rules.days', { count: rule.hold_days ?? 14 })],
        [
          t('rules.life'),
          rule.life_months === null
            ? t('rules.forever')
            : t('rules.months', { count: rule.life_months ?? 12 }),
        ],
        [t('rules.version'), rule.version],
      ]}
    />
  )
}
