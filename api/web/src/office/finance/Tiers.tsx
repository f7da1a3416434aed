/** Tiers: what is in force, what waits for approval, and the form that proposes a change. */
import {
  ActionIcon,
  Button,
  Group,
  NumberInput,
  Paper,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { TierSettings, TiersBody } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { typedAmount } from '../../ui/money'
import { Empty, Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED, MAY } from '../sections'
import { useMay } from '../staff'

export default function Tiers() {
  return (
    <Guarded section="tiers">
      <Page />
    </Guarded>
  )
}

function Page() {
  const { t } = useWords()
  const tiers = useQuery({ queryKey: ['tiers'], queryFn: () => ask(api.GET('/v1/tiers')) })
  const mayPropose = useMay(MAY.propose)
  const [changing, setChanging] = useState(false)
  return (
    <>
      <PageHead title={t('tiers.title')} hint={t('tiers.hint')}>
        {mayPropose && !changing ? (
          <Button data-testid="tiers-change" onClick={() => setChanging(true)}>
            {t('tiers.change')}
          </Button>
        ) : null}
      </PageHead>
      <Loaded query={tiers} allowed={ALLOWED.tiers}>
        {({ in_force, draft }) => (
          <Stack maw={720}>
            {changing ? (
              <TiersForm from={draft ?? in_force ?? undefined} onDone={() => setChanging(false)} />
            ) : null}
            {draft ? <Settings settings={draft} title={t('tiers.draft')} waiting /> : null}
            {in_force && in_force.tiers.length > 0 ? (
              <Settings settings={in_force} title={t('tiers.inForce')} />
            ) : (
              <Empty title={t('tiers.none')} />
            )}
          </Stack>
        )}
      </Loaded>
    </>
  )
}

interface SettingsProps {
  settings: TierSettings
  title: string
  waiting?: boolean
}

function Settings({ settings, title, waiting }: SettingsProps) {
  const { t, rubles, dayAndTime } = useWords()
  const person = settings.approved_by ?? settings.drafted_by
  return (
    <Paper className="surface" p="md" data-testid={waiting ? 'tiers-draft' : 'tiers-in-force'}>
      <Title order={2} size="h5">
        {title}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {t(`tiers.measureKind.${settings.measure}`)} · {t(`tiers.spanKind.${settings.span}`)} ·{' '}
        {t('adjustments.months', { count: settings.months })} ·{' '}
        {t('tiers.by', {
          by: person.email ?? person.id,
          at: dayAndTime(settings.approved_at ?? settings.drafted_at),
        })}
      </Text>
      {settings.tiers.length > 0 ? (
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t('tiers.name')}</Table.Th>
              <Table.Th scope="col" className="number">
                {t('tiers.from')}
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {settings.tiers.map((tier) => (
              <Table.Tr key={tier.name}>
                <Table.Td>{tier.name}</Table.Td>
                <Table.Td className="number">{rubles(tier.from)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      ) : (
        <Text size="sm">{t('tiers.none')}</Text>
      )}
      {waiting ? <Approve version={settings.version} /> : null}
    </Paper>
  )
}

function Approve({ version }: { version: number }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const may = useMay(MAY.approveTiers)
  const approving = useMutation({
    mutationFn: () => ask(api.POST('/v1/tiers/{version}/approve', { params: { path: { version } } })),
    onSuccess: (changed) => {
      say(t('tiers.approved'))
      queries.setQueryData(['tiers'], changed)
    },
  })
  if (!may) return null
  return (
    <Stack gap="sm" mt="md">
      {approving.error ? <ProblemNote error={approving.error} allowed={MAY.approveTiers} /> : null}
      <Group justify="flex-end">
        <Button loading={approving.isPending} data-testid="tiers-approve" onClick={() => approving.mutate()}>
          {t('tiers.approve')}
        </Button>
      </Group>
    </Stack>
  )
}

interface Row {
  key: string
  name: string
  from: string
}

const rowOf = (name: string, from: string): Row => ({ key: crypto.randomUUID(), name, from })

function TiersForm({ from, onDone }: { from: TierSettings | undefined; onDone: () => void }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [measure, setMeasure] = useState(from?.measure ?? 'purchases')
  const [span, setSpan] = useState(from?.span ?? 'calendar')
  const [months, setMonths] = useState<number | string>(from?.months ?? 12)
  const [rows, setRows] = useState<Row[]>(() =>
    from ? from.tiers.map((tier) => rowOf(tier.name, tier.from)) : [rowOf('', '0.00')],
  )
  const saving = useMutation({
    mutationFn: (body: TiersBody) => ask(api.PUT('/v1/tiers', { body })),
    onSuccess: (changed) => {
      say(t('tiers.saved'))
      queries.setQueryData(['tiers'], changed)
      onDone()
    },
  })
  const problem = saving.error ? asProblem(saving.error) : undefined
  const good = rows.every((row) => row.name.trim() !== '' && typedAmount(row.from) !== null)
  const edit = (key: string, change: Partial<Row>) => {
    setRows((before) => before.map((row) => (row.key === key ? { ...row, ...change } : row)))
    saving.reset()
  }
  const save = () =>
    saving.mutate({
      measure,
      span,
      months: Number(months),
      tiers: rows.map((row) => ({ name: row.name.trim(), from: typedAmount(row.from) ?? '' })),
    })
  return (
    <Paper className="surface" p="md" data-testid="tiers-form">
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <Choice
            label={t('tiers.measure')}
            value={measure}
            onChange={setMeasure}
            data={['purchases', 'cashback'].map((value) => ({
              value,
              label: t(`tiers.measureKind.${value}`),
            }))}
          />
          <Choice
            label={t('tiers.span')}
            value={span}
            onChange={setSpan}
            data={['calendar', 'rolling'].map((value) => ({ value, label: t(`tiers.spanKind.${value}`) }))}
          />
          <NumberInput
            label={t('tiers.months')}
            min={1}
            max={36}
            allowDecimal={false}
            value={months}
            error={problem?.field('months')}
            onChange={setMonths}
          />
        </SimpleGrid>
        {rows.map((row, place) => (
          <Group key={row.key} align="flex-start" wrap="nowrap">
            <TextInput
              style={{ flex: 1 }}
              label={t('tiers.name')}
              maxLength={40}
              value={row.name}
              error={problem?.field(`tiers/${place}/name`)}
              onChange={(event) => edit(row.key, { name: event.currentTarget.value })}
            />
            <TextInput
              style={{ flex: 1 }}
              label={t('tiers.from')}
              inputMode="decimal"
              value={row.from}
              error={
                typedAmount(row.from) === null ? t('tiers.notAmount') : problem?.field(`tiers/${place}/from`)
              }
              onChange={(event) => edit(row.key, { from: event.currentTarget.value })}
            />
            <ActionIcon
              mt={24}
              size={36}
              variant="subtle"
              color="gray"
              aria-label={t('tiers.remove', { name: row.name })}
              onClick={() => setRows((before) => before.filter(({ key }) => key !== row.key))}
            >
              <IconTrash size={18} />
            </ActionIcon>
          </Group>
        ))}
        {problem && problem.errors.length === 0 ? (
          <ProblemNote error={problem} allowed={MAY.propose} />
        ) : null}
        <Group justify="space-between">
          <Button variant="default" onClick={() => setRows((before) => [...before, rowOf('', '')])}>
            {t('tiers.add')}
          </Button>
          <Group>
            <Button variant="default" onClick={onDone}>
              {t('cancel')}
            </Button>
            <Button disabled={!good} loading={saving.isPending} data-testid="tiers-save" onClick={save}>
              {t('tiers.save')}
            </Button>
          </Group>
        </Group>
      </Stack>
    </Paper>
  )
}

interface ChoiceProps {
  label: string
  value: string
  data: { value: string; label: string }[]
  onChange: (value: string) => void
}

function Choice({ label, value, data, onChange }: ChoiceProps) {
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>
        {label}
      </Text>
      <SegmentedControl fullWidth aria-label={label} data={data} value={value} onChange={onChange} />
    </div>
  )
}
