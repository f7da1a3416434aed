/** The rules in force and in waiting, in words; each opens to its versions. */
import { Badge, Button, Group, Select, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ask } from '../../../api/client'
import type { Rule } from '../../../api/types'
import { Empty, Loaded } from '../../../ui/states'
import { useWords, type Words } from '../../../ui/words'
import { Beside } from '../../parts/Beside'
import { type Column, DataTable } from '../../parts/DataTable'
import { Guarded } from '../../parts/Guarded'
import { More } from '../../parts/More'
import { PageHead } from '../../parts/PageHead'
import { type PageOf, usePaged } from '../../parts/usePaged'
import { ALLOWED, MAY } from '../../sections'
import { useMay, useStaff } from '../../staff'
import { partnersQuery } from '../partnersQuery'
import { RuleFacts, STATUS_COLOR } from './RuleFacts'
import { earnWords } from './ruleWords'

const STATUSES = ['active', 'draft', 'scheduled', 'ended']

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
  const mayDraft = useMay(MAY.draftRule)
  const mayRead = useMay(MAY.readSimulations)
  const [partner, setPartner] = useState<string | null>(null)
  const [status, setStatus] = useState<string | null>(null)
  const [chosen, setChosen] = useState<Rule>()
  const list = usePaged<Rule>(['rules', partner, status], async (paging, signal) => {
    const filter = { ...(partner ? { partner } : {}), ...(status ? { status } : {}) }
    const page: PageOf<Rule> = await ask(
      api.GET('/v1/rules', { params: { query: { ...filter, ...paging } }, signal }),
    )
    return page
  })
  const names = new Map((partners.data ?? []).map(({ code, name }) => [code, name]))
  return (
    <>
      <PageHead title={t('rules.title')} hint={t('rules.hint')}>
        {mayRead ? (
          <Button component={Link} href="/rules/simulations" variant="default" data-testid="rule-simulations">
            {t('simulation.list')}
          </Button>
        ) : null}
        {mayDraft ? (
          <Button component={Link} href="/rules/new" data-testid="rule-new">
            {t('ruleForm.newRule')}
          </Button>
        ) : null}
      </PageHead>
      <Group mb="md" align="flex-end">
        {staff.partner ? null : (
          <Select
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
        <Select
          maw={220}
          label={t('rules.status')}
          placeholder={t('rules.anyStatus')}
          clearable
          data={STATUSES.map((value) => ({ value, label: t(`ruleStatus.${value}`) }))}
          value={status}
          onChange={setStatus}
        />
      </Group>
      <Beside
        title={chosen?.name ?? ''}
        record={
          chosen ? (
            <Stack gap="md">
              <RuleFacts rule={chosen} partner={names.get(chosen.partner) ?? chosen.partner} />
              <Button component={Link} href={`/rules/${chosen.id}`} variant="default" data-testid="rule-open">
                {t('ruleHistory.open')}
              </Button>
            </Stack>
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
                above={320}
                columns={columnsOf(words, names)}
                rows={rows}
                rowTestId="rule-row"
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
      cell: (row) => (
        <Badge color={STATUS_COLOR[row.status] ?? 'gray'}>{t(`ruleStatus.${row.status}`)}</Badge>
      ),
      sort: (row) => row.status,
    },
  ]
}
