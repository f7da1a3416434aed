/** Tries changes of rules on past purchases: the period, the progress, what was found. */
import { Alert, Anchor, Button, Checkbox, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ask } from '../../../api/client'
import { asProblem } from '../../../api/problem'
import type { Simulation, SimulationBody } from '../../../api/types'
import { isoDay } from '../../../ui/moment'
import { ProblemNote } from '../../../ui/states'
import { useWords } from '../../../ui/words'
import { MAY } from '../../sections'
import { SimulationRun, useSimulation } from './SimulationRun'

type Changes = Pick<SimulationBody, 'drafts' | 'replace' | 'end'>

const DAY_MS = 86_400_000

interface Props {
  changes: Changes
  /** Whether every field of the changes could be read. */
  readable?: boolean
}

export function SimulationPanel({ changes, readable = true }: Props) {
  const { t } = useWords()
  const queries = useQueryClient()
  const [from, setFrom] = useState(() => isoDay(new Date(Date.now() - 30 * DAY_MS)))
  const [to, setTo] = useState(() => isoDay(new Date()))
  const [keepDates, setKeepDates] = useState(false)
  const starting = useMutation({
    mutationFn: (body: SimulationBody) => ask(api.POST('/v1/rules/simulate', { body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['simulations'] }),
  })
  const question: SimulationBody = { from, to, ...changes, keep_dates: keepDates }
  const stale = JSON.stringify(question) !== JSON.stringify(starting.variables)
  const problem = starting.error ? asProblem(starting.error) : undefined
  const error = (name: string) => {
    const text = problem?.field(name)
    return text ? { error: text } : {}
  }
  return (
    <Paper className="surface" p="md" mt="md" data-testid="simulation">
      <Stack gap="md">
        <div>
          <Title order={2} size="h4">
            {t('simulation.title')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('simulation.hint')}
          </Text>
        </div>
        <Group align="flex-end">
          <TextInput
            type="date"
            label={t('simulation.from')}
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            {...error('from')}
          />
          <TextInput
            type="date"
            label={t('simulation.to')}
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            {...error('to')}
          />
          <Button
            variant="light"
            data-testid="simulate"
            disabled={!readable}
            loading={starting.isPending}
            onClick={() => starting.mutate(question)}
          >
            {t('simulation.run')}
          </Button>
          <Anchor component={Link} href="/rules/simulations" size="sm" pb={8}>
            {t('simulation.all')}
          </Anchor>
        </Group>
        <Checkbox
          label={t('simulation.keepDates')}
          checked={keepDates}
          onChange={(event) => setKeepDates(event.currentTarget.checked)}
        />
        {readable ? null : (
          <Text size="sm" c="dimmed">
            {t('ruleForm.fieldsWrong')}
          </Text>
        )}
        {problem && !problem.field('from') && !problem.field('to') ? (
          <ProblemNote error={problem} allowed={MAY.simulateRules} />
        ) : null}
        {starting.data ? <Started key={starting.data.id} first={starting.data} stale={stale} /> : null}
      </Stack>
    </Paper>
  )
}

/** What was started, under an address of its own; `stale`: something else would be asked now. */
function Started({ first, stale }: { first: Simulation; stale: boolean }) {
  const { t } = useWords()
  const query = useSimulation(first.id, first)
  return (
    <Stack gap="md">
      {stale ? (
        <Alert color="amber" role="status" data-testid="simulation-stale">
          {t('simulation.stale')}
        </Alert>
      ) : null}
      <Anchor
        component={Link}
        href={`/rules/simulations/${first.id}`}
        size="sm"
        w="max-content"
        data-testid="simulation-link"
      >
        {t('simulation.link')}
      </Anchor>
      <SimulationRun query={query} />
    </Stack>
  )
}
