/** The thresholds of the fraud watch: every rule with its limits, set together. */
import {
  Button,
  Group,
  NumberInput,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  TextInput,
} from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem, type Problem } from '../../api/problem'
import type { FraudRule } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { figure, typedAmount } from '../../ui/money'
import { Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { ALLOWED, MAY } from '../sections'
import { useMay } from '../staff'

type Limit = 'most_purchases' | 'most_amount' | 'minutes' | 'days' | 'hours'

/** Which limits a rule has; the server knows the same. */
const LIMITS: Record<string, Limit[]> = {
  card_day: ['most_purchases', 'most_amount'],
  cashier_day: ['most_purchases', 'most_amount'],
  bare_number: ['most_purchases', 'most_amount'],
  refund_cycling: ['most_purchases', 'days'],
  two_towns: ['minutes'],
  closing_burst: ['most_purchases', 'minutes', 'hours'],
  own_card: [],
}

export function FraudRules() {
  const query = useQuery({
    queryKey: ['fraud', 'rules'],
    queryFn: async () => (await ask(api.GET('/v1/fraud/rules'))).rules,
  })
  return (
    <Loaded query={query} allowed={ALLOWED.fraud}>
      {(rules) => <Form rules={rules} />}
    </Loaded>
  )
}

/** A rule as its fields show it: amounts as people write them. */
function shownOf(rule: FraudRule, language: string): FraudRule {
  return rule.most_amount ? { ...rule, most_amount: figure(rule.most_amount, language) } : rule
}

/** What was typed, as the API wants it; what is no amount goes as it is, for the server to say so. */
function typedOf(rule: FraudRule): FraudRule {
  return rule.most_amount ? { ...rule, most_amount: typedAmount(rule.most_amount) ?? rule.most_amount } : rule
}

function Form({ rules }: { rules: FraudRule[] }) {
  const { t, language } = useWords()
  const may = useMay(MAY.decideFraud)
  const queries = useQueryClient()
  const say = useAnnounce()
  const shown = (of: FraudRule[]) => of.map((rule) => shownOf(rule, language))
  const [draft, setDraft] = useState(() => shown(rules))
  const wanted = draft.map(typedOf)
  const save = useMutation({
    mutationFn: () => ask(api.PUT('/v1/fraud/rules', { body: { rules: wanted } })),
    onSuccess: (saved) => {
      queries.setQueryData(['fraud', 'rules'], saved.rules)
      setDraft(shown(saved.rules))
      say(t('fraud.rules.saved'))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const change = (place: number, part: Partial<FraudRule>) => {
    save.reset()
    setDraft(draft.map((rule, at) => (at === place ? { ...rule, ...part } : rule)))
  }
  const changed = JSON.stringify(wanted) !== JSON.stringify(rules)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Stack gap="sm" maw={920} data-testid="fraud-rules">
        <Text size="sm" c="dimmed">
          {t('fraud.rules.hint')}
        </Text>
        {draft.map((rule, place) => (
          <Rule
            key={rule.rule}
            rule={rule}
            readOnly={!may}
            problem={problem}
            place={place}
            onChange={(part) => change(place, part)}
          />
        ))}
        {problem && problem.errors.length === 0 ? <ProblemNote error={problem} /> : null}
        {may ? (
          <Group justify="flex-end">
            <Button variant="default" disabled={!changed} onClick={() => setDraft(shown(rules))}>
              {t('fraud.rules.undo')}
            </Button>
            <Button type="submit" disabled={!changed} loading={save.isPending} data-testid="fraud-rules-save">
              {t('fraud.rules.save')}
            </Button>
          </Group>
        ) : (
          <Text size="sm" c="dimmed">
            {t('fraud.rules.readOnly')}
          </Text>
        )}
      </Stack>
    </form>
  )
}

interface RuleProps {
  rule: FraudRule
  place: number
  readOnly: boolean
  problem: Problem | undefined
  onChange: (part: Partial<FraudRule>) => void
}

function Rule({ rule, place, readOnly, problem, onChange }: RuleProps) {
  const { t } = useWords()
  const limits = LIMITS[rule.rule] ?? []
  const wrong = (field: string) => problem?.field(`rules/${place}/${field}`)
  const count = (field: 'most_purchases' | 'minutes' | 'days') => (
    <NumberInput
      key={field}
      label={t(
        `fraud.rules.${rule.rule === 'refund_cycling' && field === 'most_purchases' ? 'most_refunds' : field}`,
      )}
      min={0}
      allowDecimal={false}
      allowNegative={false}
      readOnly={readOnly}
      error={wrong(field)}
      value={rule[field] ?? ''}
      onChange={(value) => onChange({ [field]: value === '' ? null : Number(value) })}
    />
  )
  return (
    <Paper className="surface" p="md">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <Text fw={600}>{t(`fraud.rule.${rule.rule}`)}</Text>
          <Text size="sm" c="dimmed">
            {t(`fraud.about.${rule.rule}`)}
          </Text>
        </div>
        <Switch
          aria-label={t('fraud.rules.on', { rule: t(`fraud.rule.${rule.rule}`) })}
          checked={rule.enabled}
          disabled={readOnly}
          data-testid={`fraud-on-${rule.rule}`}
          onChange={(event) => onChange({ enabled: event.currentTarget.checked })}
        />
      </Group>
      {wrong('enabled') ? (
        <Text size="sm" c="red" mt={4} role="alert">
          {wrong('enabled')}
        </Text>
      ) : null}
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} mt="sm" spacing="sm">
        <Select
          label={t('fraud.rules.action')}
          readOnly={readOnly}
          allowDeselect={false}
          value={rule.action}
          onChange={(action) => onChange({ action: action ?? 'watch' })}
          data={[
            { value: 'hold', label: t('fraud.rules.hold') },
            { value: 'watch', label: t('fraud.rules.watch') },
          ]}
        />
        {limits.includes('most_purchases') ? count('most_purchases') : null}
        {limits.includes('most_amount') ? (
          <TextInput
            label={t('fraud.rules.most_amount')}
            inputMode="decimal"
            readOnly={readOnly}
            error={wrong('most_amount')}
            value={rule.most_amount ?? ''}
            onChange={(event) => onChange({ most_amount: event.currentTarget.value || null })}
          />
        ) : null}
        {limits.includes('minutes') ? count('minutes') : null}
        {limits.includes('days') ? count('days') : null}
        {limits.includes('hours') ? (
          <Group grow align="flex-start" wrap="nowrap" gap="xs">
            {[0, 1].map((at) => (
              <TextInput
                key={at}
                type="time"
                label={t(at === 0 ? 'fraud.rules.from' : 'fraud.rules.until')}
                readOnly={readOnly}
                error={at === 0 ? wrong('hours') : undefined}
                value={rule.hours?.[at] ?? ''}
                onChange={(event) => {
                  const hours = [rule.hours?.[0] ?? '21:00', rule.hours?.[1] ?? '23:00']
                  hours[at] = event.currentTarget.value
                  onChange({ hours })
                }}
              />
            ))}
          </Group>
        ) : null}
      </SimpleGrid>
    </Paper>
  )
}
