/** What a sample purchase would bring by the rule as it is typed, beside the partner's other rules. */
import { Badge, Paper, Select, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../../api/client'
import { asProblem, type FieldError } from '../../../api/problem'
import type { Explanation, Partner, RuleBody } from '../../../api/types'
import { instantOf, localOf, programmeZone } from '../../../ui/moment'
import { isNegative, isZero, minus, typedAmount } from '../../../ui/money'
import { ProblemNote } from '../../../ui/states'
import { useWords } from '../../../ui/words'
import { errorAt } from './form'

interface Sample {
  amount: string
  redeem: string
  at: string
  /** Empty: one the rule is for. */
  outlet: string
  buyer: 'fitting' | 'anybody'
  category: string
  /** What a second article comes to. */
  second: string
  secondCategory: string
}

/** The fields that are typed. */
type Typed = Exclude<keyof Sample, 'outlet' | 'buyer'>
type Outlet = Partner['outlets'][number]

const BUYERS = ['fitting', 'anybody'] as const
const FIRST = {
  amount: '1000',
  redeem: '',
  outlet: '',
  buyer: 'fitting',
  category: '',
  second: '',
  secondCategory: '',
} as const

const DELAY_MS = 400

interface Props {
  rule: RuleBody
  /** Whether every field of the rule could be read. */
  readable: boolean
  replaces: string | undefined
  partners: Partner[]
}

export function Preview({ rule, readable, replaces, partners }: Props) {
  const { t, language } = useWords()
  const [typed, setSample] = useState<Sample>({ ...FIRST, at: localOf(new Date()) })
  const outlets = partners.find(({ code }) => code === rule.partner)?.outlets ?? []
  // Another partner has other outlets.
  const outlet = outlets.some(({ code }) => code === typed.outlet) ? typed.outlet : ''
  const sample = { ...typed, outlet }
  // As text, so that what is the same stays the same from one drawing to the next.
  const [asked] = useDebouncedValue(JSON.stringify(bodyOf(rule, replaces, sample)), DELAY_MS)
  const body: ReturnType<typeof bodyOf> = JSON.parse(asked)
  const ready = readable && body.rule.partner !== '' && body.rule.name !== ''
  const preview = useQuery({
    queryKey: ['rule-preview', language, asked],
    enabled: ready,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: ({ signal }) => ask(api.POST('/v1/rules/preview', { body, signal })),
  })
  const problem = preview.error ? asProblem(preview.error) : undefined
  const errors = problem?.status === 422 ? problem.errors : []
  return (
    <Paper className="surface" p="md" data-testid="rule-preview">
      <Stack gap="sm">
        <Title order={2} size="h5">
          {t('rulePreview.title')}
        </Title>
        <SampleFields sample={sample} setSample={setSample} outlets={outlets} errors={errors} />
        {ready ? null : (
          <Text size="sm" c="dimmed">
            {t(readable ? 'rulePreview.wait' : 'ruleForm.fieldsWrong')}
          </Text>
        )}
        {ready && problem && errors.length === 0 ? <ProblemNote error={problem} /> : null}
        {ready && errors.length > 0 ? <Wrong errors={errors} /> : null}
        {preview.data && ready && !problem ? <Result explanation={preview.data} /> : null}
      </Stack>
    </Paper>
  )
}

function bodyOf(rule: RuleBody, replaces: string | undefined, sample: Sample) {
  const amount = typedAmount(sample.amount) ?? sample.amount
  const redeem = sample.redeem.trim()
  const lines = linesOf(sample, amount)
  return {
    rule,
    ...(replaces ? { replaces } : {}),
    sample: {
      amount,
      occurred_at: instantOf(sample.at) ?? sample.at,
      ...(redeem ? { redeem: typedAmount(redeem) ?? redeem } : {}),
      ...(sample.outlet ? { outlet: sample.outlet } : {}),
      ...(lines.length > 0 ? { lines } : {}),
      member: sample.buyer === 'fitting' ? memberOf(rule) : {},
    },
  }
}

/** Up to two articles, which add up to the amount; none where neither category nor second article is said. */
function linesOf(sample: Sample, amount: string) {
  const line = (category: string, of: string) => ({
    ...(category.trim() ? { category: category.trim() } : {}),
    amount: of,
  })
  if (!sample.second.trim()) return sample.category.trim() ? [line(sample.category, amount)] : []
  const typed = typedAmount(sample.second)
  const rest = typed && typedAmount(sample.amount) ? minus(amount, typed) : amount
  // What leaves nothing of the first is sent as it is, for the server to say so.
  const first = isNegative(rest) || isZero(rest) ? amount : rest
  return [line(sample.category, first), line(sample.secondCategory, typed ?? sample.second)]
}

/** Somebody the rule is for. */
function memberOf(rule: RuleBody) {
  const members = rule.when?.members
  return {
    ...(members?.organisation ? { organisation: members.organisation } : {}),
    ...(members?.categories?.[0] ? { category: members.categories[0] } : {}),
    ...(members?.age?.[0] === undefined ? {} : { age: members.age[0] }),
    ...(members?.member_for_months == null ? {} : { member_for_months: members.member_for_months }),
    ...(members?.tier ? { tier: members.tier } : {}),
  }
}

function SampleFields(props: {
  sample: Sample
  setSample: (sample: Sample) => void
  outlets: Outlet[]
  errors: FieldError[]
}) {
  const { t } = useWords()
  const { sample, setSample, outlets, errors } = props
  const wrong = (path: string) => {
    const error = errorAt(errors, path, 'sample/')
    return error ? { error } : {}
  }
  const field = (name: Typed, path: string, type = 'text', description?: string) => (
    <TextInput
      label={t(`rulePreview.${name}`)}
      type={type}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      {...(description ? { description } : {})}
      value={sample[name]}
      data-testid={`sample-${name}`}
      onChange={(event) => setSample({ ...sample, [name]: event.currentTarget.value })}
      {...(path ? wrong(path) : {})}
    />
  )
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs">
      {field('amount', 'amount')}
      {field('redeem', 'redeem')}
      {field('at', 'occurred_at', 'datetime-local', t('rulePreview.zone', { zone: programmeZone() }))}
      <Select
        label={t('rulePreview.outlet')}
        placeholder={t('rulePreview.fittingOutlet')}
        data={outlets.map(({ code, name, town }) => ({ value: code, label: `${name}, ${town} · ${code}` }))}
        value={sample.outlet || null}
        searchable
        clearable
        data-testid="sample-outlet"
        onChange={(outlet) => setSample({ ...sample, outlet: outlet ?? '' })}
        {...wrong('outlet')}
      />
      <Select
        label={t('rulePreview.buyer')}
        data={BUYERS.map((value) => ({ value, label: t(`rulePreview.buyers.${value}`) }))}
        value={sample.buyer}
        allowDeselect={false}
        data-testid="sample-buyer"
        onChange={(buyer) => setSample({ ...sample, buyer: buyer === 'anybody' ? buyer : 'fitting' })}
        {...wrong('member')}
      />
      {field('category', 'lines')}
      {field('second', 'lines/1')}
      {field('secondCategory', '')}
    </SimpleGrid>
  )
}

function Wrong({ errors }: { errors: FieldError[] }) {
  const { t } = useWords()
  return (
    <div>
      <Text size="sm" fw={600}>
        {t('rulePreview.wrong')}
      </Text>
      {errors.map(({ pointer, detail }) => (
        <Text key={`${pointer} ${detail}`} size="sm" c="dimmed">
          <code>{pointer.replace(/^#\/(rule\/)?/, '')}</code> — {detail}
        </Text>
      ))}
    </div>
  )
}

function Result({ explanation }: { explanation: Explanation }) {
  const { t, rubles } = useWords()
  return (
    <Stack gap="xs" aria-live="polite">
      <Text size="sm" c="dimmed">
        {t('rulePreview.cashback')}
      </Text>
      <Text className="tile-figure" data-testid="preview-cashback">
        {rubles(explanation.cashback)}
      </Text>
      {explanation.rules.map((rule) => (
        <div key={`${rule.id} ${rule.version}`}>
          <Badge color={rule.applied ? 'green' : 'gray'}>
            {rule.version === 0
              ? t('rulePreview.draft')
              : rule.applied
                ? t('rulePreview.applied')
                : t('rulePreview.declined')}
          </Badge>
          <Text size="sm" mt={4}>
            {rule.text}
          </Text>
        </div>
      ))}
    </Stack>
  )
}
