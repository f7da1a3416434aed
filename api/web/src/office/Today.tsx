/** What one's role has to do, first things first, and the figures one looks at each morning. */
import { Alert, Group, SimpleGrid, Skeleton, Stack, Title } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import { useWords } from '../ui/words'
import { partnersQuery } from './finance/partnersQuery'
import { PageHead } from './parts/PageHead'
import { Tile } from './parts/Tile'
import { MAY, maySee } from './sections'
import { useMay, useStaff } from './staff'
import { openCases, rulesOf, told, unmatchedClaims, useWork } from './work'

/** How many of the newest registers are looked into for differences. */
const RECENT = 8

export function Today() {
  const { t, day } = useWords()
  const staff = useStaff()
  const finance = maySee(staff.role, 'ledger')
  const registers = maySee(staff.role, 'registers')
  const registry = maySee(staff.role, 'members')
  return (
    <>
      <PageHead title={t('nav.today')} hint={day(new Date().toISOString())} />
      <Stack gap="xl">
        <Waiting />
        {finance || registers ? <FinanceWork ledger={finance} /> : null}
        {registry ? <RegistryWork /> : null}
        {finance || registers || registry ? null : (
          <Alert color="amber" title={t('office.notYours')}>
            {t('office.notYoursHint')}
          </Alert>
        )}
      </Stack>
    </>
  )
}

/** What somebody is waiting for me to do. */
function Waiting() {
  const { t } = useWords()
  const work = useWork()
  if (work.length === 0) return null
  return (
    <section>
      <Title order={2} size="h5" c="dimmed" mb="sm">
        {t('waiting.title')}
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="md">
        {work.map(({ name, section, count }) => (
          <Tile
            key={name}
            to={`/${section}`}
            name={t(`waiting.${name}`)}
            figure={told(count)}
            color={count > 0 ? 'amber' : undefined}
            hint={t(count > 0 ? `waiting.${name}Hint` : 'waiting.nothing')}
            testId={`waiting-${name}`}
          />
        ))}
      </SimpleGrid>
    </section>
  )
}

function useRegisterCounts() {
  const list = useQuery({
    queryKey: ['registers', 'recent'],
    queryFn: async () => (await ask(api.GET('/v1/registers', { params: { query: { limit: 50 } } }))).items,
  })
  const done = (list.data ?? []).filter(({ status }) => status === 'done').slice(0, RECENT)
  const reports = useQueries({
    queries: done.map(({ id }) => ({
      queryKey: ['register', id],
      staleTime: 300_000,
      queryFn: () => ask(api.GET('/v1/registers/{id}', { params: { path: { id } } })),
    })),
  })
  let rows = 0
  let files = 0
  let last = ''
  for (const { data } of reports) {
    if (!data) continue
    const {
      amount_differs = 0,
      only_theirs = 0,
      only_ours = 0,
      rejected = 0,
    } = data.outcomes as Record<string, number>
    const open = amount_differs + only_theirs + only_ours + rejected
    rows += open
    if (open > 0) files += 1
    if (open > 0 && !last) last = data.id
  }
  const of = (...statuses: string[]) =>
    (list.data ?? []).filter(({ status }) => statuses.includes(status)).length
  return {
    ready: list.data !== undefined,
    failed: of('failed'),
    working: of('queued', 'running'),
    rows,
    files,
    last,
  }
}

function FinanceWork({ ledger }: { ledger: boolean }) {
  const { t, count } = useWords()
  const registers = useRegisterCounts()
  const balance = useQuery({
    queryKey: ['trial-balance', undefined],
    enabled: ledger,
    queryFn: () => ask(api.GET('/v1/ledger/trial-balance', { params: { query: {} } })),
  })
  const active = useQuery({ queryKey: ['rules', 'active'], queryFn: () => rulesOf('active') })
  const drafts = useQuery({ queryKey: ['rules', 'drafts'], queryFn: () => rulesOf('draft') })
  const partners = useQuery({ ...partnersQuery(), enabled: ledger })
  // Whoever decides has them above, among what waits.
  const decides = useMay(MAY.decideFraud)
  const open = useQuery({ queryKey: ['fraud', 'work'], enabled: ledger && !decides, queryFn: openCases })
  const assigns = useMay(MAY.assignClaim)
  const unmatched = useQuery({
    queryKey: ['claims', 'work'],
    enabled: ledger && !assigns,
    queryFn: unmatchedClaims,
  })
  return (
    <section>
      <Title order={2} size="h5" c="dimmed" mb="sm">
        {t('nav.finance')}
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="md">
        {registers.ready ? (
          <>
            <Tile
              to={registers.last ? `/registers/${registers.last}` : '/registers'}
              name={t('work.differences')}
              figure={count(registers.rows)}
              color={registers.rows > 0 ? 'red' : undefined}
              hint={t('work.inRegisters', { count: registers.files })}
            />
            <Tile
              to="/registers"
              name={t('work.failed')}
              figure={count(registers.failed)}
              color={registers.failed > 0 ? 'red' : undefined}
              hint={t('work.working', { count: registers.working })}
            />
          </>
        ) : (
          <Skeleton height={96} radius="md" />
        )}
        {decides || open.data === undefined ? null : (
          <Tile
            to="/fraud"
            name={t('work.open')}
            figure={told(open.data)}
            color={open.data > 0 ? 'amber' : undefined}
            hint={t('work.openHint')}
          />
        )}
        {assigns || unmatched.data === undefined ? null : (
          <Tile
            to="/claims"
            name={t('work.unmatched')}
            figure={told(unmatched.data)}
            color={unmatched.data > 0 ? 'amber' : undefined}
            hint={t('work.unmatchedHint')}
          />
        )}
        {active.data !== undefined && drafts.data !== undefined ? (
          <Tile
            to="/rules"
            name={t('work.rules')}
            figure={told(active.data)}
            hint={t('work.drafts', { count: drafts.data })}
          />
        ) : null}
        {ledger && balance.data ? (
          <Tile
            to="/ledger"
            name={t('work.ledger')}
            figure={balance.data.balanced ? t('ledger.balanced') : t('ledger.unbalanced')}
            color={balance.data.balanced ? 'green' : 'red'}
            hint={t('work.accounts', { count: balance.data.accounts.length })}
          />
        ) : null}
        {ledger && balance.isPending ? <Skeleton height={96} radius="md" /> : null}
        {partners.data ? (
          <Tile to="/partners" name={t('nav.partners')} figure={count(partners.data.length)} />
        ) : null}
      </SimpleGrid>
    </section>
  )
}

function RegistryWork() {
  const { t, count } = useWords()
  const staff = useStaff()
  const roots = useQuery({
    queryKey: ['organisations', 'roots'],
    enabled: !staff.organisation,
    queryFn: async () =>
      (await ask(api.GET('/v1/organisations', { params: { query: { limit: 200 } } }))).items,
  })
  const code =
    staff.organisation?.code ?? (roots.data?.find(({ parent_code }) => !parent_code) ?? roots.data?.[0])?.code
  const statistics = useQuery({
    queryKey: ['statistics', code],
    enabled: code !== undefined,
    queryFn: () =>
      ask(
        api.GET('/v1/organisations/{code}/statistics', {
          params: { path: { code: code ?? '' } },
        }),
      ),
  })
  const units = Object.values(statistics.data?.organisations ?? {}).reduce((sum, one) => sum + one, 0)
  return (
    <section>
      <Group mb="sm">
        <Title order={2} size="h5" c="dimmed">
          {[t('nav.registry'), staff.organisation?.name].filter(Boolean).join(' · ')}
        </Title>
      </Group>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="md">
        {statistics.data ? (
          <>
            <Tile
              to="/members"
              name={t('nav.members')}
              figure={count(statistics.data.members.total)}
              hint={t('work.find')}
            />
            <Tile
              to={`/organisations/${code}`}
              name={t('nav.organisations')}
              figure={count(units)}
              hint={t('work.statistics')}
            />
          </>
        ) : null}
        {statistics.isPending && code ? <Skeleton height={96} radius="md" /> : null}
        {maySee(staff.role, 'imports') ? (
          <Tile to="/imports" name={t('nav.imports')} figure={t('work.upload')} hint={t('work.uploadHint')} />
        ) : null}
      </SimpleGrid>
    </section>
  )
}
