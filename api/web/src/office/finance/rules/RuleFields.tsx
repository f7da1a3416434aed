/** Every part of a rule as a form: who, when, how much, at most, at whose cost, for how long. */
import {
  ActionIcon,
  Button,
  Checkbox,
  Fieldset,
  Group,
  MultiSelect,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import type { FieldError } from '../../../api/problem'
import type { Partner } from '../../../api/types'
import { useWords } from '../../../ui/words'
import { OrganisationPicker } from '../../registry/OrganisationPicker'
import {
  DAYS,
  EARNS,
  type Earn,
  errorAt,
  MEMBER_CATEGORIES,
  type NumberName,
  PERIODS,
  type RuleForm,
} from './form'

interface Props {
  form: RuleForm
  change: (part: Partial<RuleForm>) => void
  errors: FieldError[]
  /** The fields that want a number and have none. */
  unreadable: NumberName[]
  partners: Partner[]
  /** A further version keeps its partner. */
  fixedPartner: boolean
}

/** A part of the form with what it needs to draw its fields. */
interface Part extends Props {
  at: (path: string) => { error?: string }
}

export function RuleFields(props: Props) {
  const at = (path: string) => {
    const error = errorAt(props.errors, path)
    return error ? { error } : {}
  }
  const part = { ...props, at }
  return (
    <Stack gap="md">
      <Basics {...part} />
      <EarnFields {...part} />
      <WhenFields {...part} />
      <MemberFields {...part} />
      <CapFields {...part} />
      <FundingFields {...part} />
      <TimeFields {...part} />
    </Stack>
  )
}

type TextName = {
  [Name in keyof RuleForm]: RuleForm[Name] extends string ? Name : never
}[keyof RuleForm]

function Field(props: { part: Part; name: TextName; path: string; type?: string; unit?: string }) {
  const { t } = useWords()
  const { part, name, path, type, unit } = props
  return (
    <TextInput
      label={t(`ruleForm.${name}`)}
      value={String(part.form[name])}
      data-testid={`rule-${name}`}
      {...(type ? { type } : {})}
      {...(unit ? { rightSection: <Text size="sm">{unit}</Text> } : {})}
      onChange={(event) => part.change({ [name]: event.currentTarget.value } as Partial<RuleForm>)}
      {...part.at(path)}
    />
  )
}

/** What the server takes where nothing is typed. */
const USUAL: Partial<Record<NumberName, string>> = { priority: '0', hold: '14', life: '12' }

function Whole({ part, name, path }: { part: Part; name: NumberName; path: string }) {
  const { t } = useWords()
  return (
    <TextInput
      label={t(`ruleForm.${name}`)}
      inputMode={name === 'priority' ? 'text' : 'numeric'}
      placeholder={USUAL[name] ?? ''}
      value={part.form[name]}
      data-testid={`rule-${name}`}
      onChange={(event) => part.change({ [name]: event.currentTarget.value })}
      {...(part.unreadable.includes(name) ? { error: t('ruleForm.notWhole') } : part.at(path))}
    />
  )
}

function Basics(part: Part) {
  const { t } = useWords()
  const { form, change, partners, fixedPartner, at } = part
  return (
    <Fieldset legend={t('ruleForm.basics')}>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Field part={part} name="name" path="name" />
        <Select
          label={t('rules.partner')}
          data={partners.map(({ code, name }) => ({ value: code, label: name }))}
          value={form.partner || null}
          disabled={fixedPartner}
          searchable
          data-testid="rule-partner"
          onChange={(partner) => change({ partner: partner ?? '', outlets: [] })}
          {...at('partner')}
        />
        <Select
          label={t('rules.stacking')}
          data={['exclusive', 'additive'].map((value) => ({ value, label: t(`stacking.${value}`) }))}
          value={form.stacking}
          allowDeselect={false}
          onChange={(stacking) => change({ stacking: stacking ?? 'exclusive' })}
          {...at('stacking')}
        />
        <Whole part={part} name="priority" path="priority" />
      </SimpleGrid>
    </Fieldset>
  )
}

function EarnFields(part: Part) {
  const { t } = useWords()
  const { form, change, at } = part
  return (
    <Fieldset legend={t('ruleForm.earn')}>
      <Stack gap="sm">
        <SegmentedControl
          aria-label={t('ruleForm.earn')}
          data={EARNS.map((value) => ({ value, label: t(`ruleForm.earnBy.${value}`) }))}
          value={form.earn}
          onChange={(earn) => change({ earn: earn as Earn })}
        />
        {form.earn === 'percent' ? <Field part={part} name="percent" path="earn/percent" unit="%" /> : null}
        {form.earn === 'fixed' ? <Field part={part} name="fixed" path="earn/fixed" unit="₽" /> : null}
        {form.earn === 'per' ? (
          <SimpleGrid cols={2}>
            <Field part={part} name="amount" path="earn/amount" unit="₽" />
            <Field part={part} name="per" path="earn/per" unit="₽" />
          </SimpleGrid>
        ) : null}
        {form.earn === 'ladder' ? <Rungs {...part} /> : null}
        {at('earn').error ? (
          <Text size="sm" c="red" role="alert">
            {at('earn').error}
          </Text>
        ) : null}
      </Stack>
    </Fieldset>
  )
}

function Rungs({ form, change, at }: Part) {
  const { t } = useWords()
  const set = (place: number, part: Partial<RuleForm['rungs'][number]>) =>
    change({ rungs: form.rungs.map((rung, index) => (index === place ? { ...rung, ...part } : rung)) })
  return (
    <Stack gap="xs">
      {form.rungs.map((rung, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a rung has no name but its place
        <Group key={place} align="flex-end" wrap="nowrap" gap="xs">
          <TextInput
            label={t('ruleForm.rungFrom')}
            value={rung.from}
            style={{ flex: 1 }}
            onChange={(event) => set(place, { from: event.currentTarget.value })}
            {...at(`earn/ladder/${place}/from`)}
          />
          <TextInput
            label={t('ruleForm.percent')}
            value={rung.percent}
            style={{ flex: 1 }}
            onChange={(event) => set(place, { percent: event.currentTarget.value })}
            {...at(`earn/ladder/${place}/percent`)}
          />
          <ActionIcon
            variant="subtle"
            size="lg"
            aria-label={t('ruleForm.remove')}
            disabled={form.rungs.length === 1}
            onClick={() => change({ rungs: form.rungs.filter((_, index) => index !== place) })}
          >
            <IconTrash size={18} />
          </ActionIcon>
        </Group>
      ))}
      <Button
        variant="default"
        size="xs"
        w="max-content"
        leftSection={<IconPlus size={16} />}
        onClick={() => change({ rungs: [...form.rungs, { from: '', percent: '' }] })}
      >
        {t('ruleForm.addRung')}
      </Button>
    </Stack>
  )
}

function WhenFields(part: Part) {
  const { t } = useWords()
  const { form, change, partners, at } = part
  const outlets = partners.find(({ code }) => code === form.partner)?.outlets ?? []
  return (
    <Fieldset legend={t('ruleForm.when')}>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Field part={part} name="from" path="when/from" type="date" />
        <Field part={part} name="until" path="when/until" type="date" />
        <MultiSelect
          label={t('ruleForm.days')}
          placeholder={form.days.length > 0 ? '' : t('ruleForm.anyDay')}
          data={DAYS.map((value) => ({ value, label: t(`weekday.${value}`) }))}
          value={form.days}
          clearable
          onChange={(days) => change({ days })}
          {...at('when/days')}
        />
        <SimpleGrid cols={2}>
          <Field part={part} name="open" path="when/hours" type="time" />
          <Field part={part} name="shut" path="when/hours" type="time" />
        </SimpleGrid>
        <MultiSelect
          label={t('ruleForm.outlets')}
          placeholder={form.outlets.length > 0 ? '' : t('ruleForm.anyOutlet')}
          data={outlets.map(({ code, name, town }) => ({ value: code, label: `${name}, ${town} · ${code}` }))}
          value={form.outlets}
          data-testid="rule-outlets"
          searchable
          clearable
          onChange={(chosen) => change({ outlets: chosen })}
          {...at('when/outlets')}
        />
        <Field part={part} name="least" path="when/least_amount" unit="₽" />
        <TagsInput
          label={t('ruleForm.categories')}
          placeholder={form.categories.length > 0 ? '' : t('ruleForm.anyGoods')}
          value={form.categories}
          data-testid="rule-categories"
          clearable
          onChange={(categories) => change({ categories })}
          {...at('when/categories')}
        />
        <TagsInput
          label={t('ruleForm.except')}
          value={form.except}
          clearable
          onChange={(except) => change({ except })}
          {...at('when/except_categories')}
        />
      </SimpleGrid>
    </Fieldset>
  )
}

function MemberFields(part: Part) {
  const { t } = useWords()
  const { form, change, at } = part
  return (
    <Fieldset legend={t('ruleForm.forWhom')}>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <OrganisationPicker
          label={t('ruleForm.organisation')}
          placeholder={t('ruleForm.anyOrganisation')}
          value={form.organisation}
          onChange={(organisation) => change({ organisation })}
          error={at('when/members/organisation').error}
        />
        <MultiSelect
          label={t('ruleForm.memberCategories')}
          placeholder={form.members.length > 0 ? '' : t('ruleForm.anybody')}
          data={MEMBER_CATEGORIES.map((value) => ({ value, label: t(`ruleForm.category.${value}`) }))}
          value={form.members}
          clearable
          onChange={(members) => change({ members })}
          {...at('when/members/categories')}
        />
        <SimpleGrid cols={2}>
          <Whole part={part} name="ageFrom" path="when/members/age" />
          <Whole part={part} name="ageTo" path="when/members/age" />
        </SimpleGrid>
        <SimpleGrid cols={2}>
          <Whole part={part} name="memberFor" path="when/members/member_for_months" />
          <Field part={part} name="tier" path="when/members/tier" />
        </SimpleGrid>
      </SimpleGrid>
    </Fieldset>
  )
}

function CapFields(part: Part) {
  const { t } = useWords()
  const { form, change, at } = part
  return (
    <Fieldset legend={t('rules.caps')}>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Field part={part} name="capPurchase" path="caps/per_purchase" unit="₽" />
        <Field part={part} name="budget" path="caps/budget" unit="₽" />
        <Field part={part} name="capMember" path="caps/per_member/amount" unit="₽" />
        <Select
          label={t('ruleForm.capPeriod')}
          data={PERIODS.map((value) => ({ value, label: t(`ruleForm.period.${value}`) }))}
          value={form.capPeriod}
          allowDeselect={false}
          onChange={(period) => change({ capPeriod: period ?? 'month' })}
          {...at('caps/per_member/period')}
        />
      </SimpleGrid>
    </Fieldset>
  )
}

function FundingFields({ form, change, at }: Part) {
  const { t } = useWords()
  const set = (place: number, part: Partial<RuleForm['funding'][number]>) =>
    change({ funding: form.funding.map((one, index) => (index === place ? { ...one, ...part } : one)) })
  const sum = at('funding').error
  return (
    <Fieldset legend={t('rules.funding')}>
      <Stack gap="xs">
        {form.funding.map((funder, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a funder may be named later than its place is made
          <Group key={place} align="flex-end" wrap="nowrap" gap="xs">
            <div style={{ flex: 2, minWidth: 0 }}>
              {funder.by === 'partner' ? (
                <TextInput label={t('ruleForm.payer')} value={t('rule.byPartner')} readOnly />
              ) : (
                <OrganisationPicker
                  label={t('ruleForm.payer')}
                  value={funder.by || null}
                  onChange={(code) => set(place, { by: code ?? '' })}
                  error={at(`funding/${place}/by`).error}
                />
              )}
            </div>
            <TextInput
              label={t('ruleForm.share')}
              value={funder.share}
              rightSection={<Text size="sm">%</Text>}
              style={{ flex: 1 }}
              onChange={(event) => set(place, { share: event.currentTarget.value })}
              {...at(`funding/${place}/share`)}
            />
            <ActionIcon
              variant="subtle"
              size="lg"
              aria-label={t('ruleForm.remove')}
              disabled={form.funding.length === 1}
              onClick={() => change({ funding: form.funding.filter((_, index) => index !== place) })}
            >
              <IconTrash size={18} />
            </ActionIcon>
          </Group>
        ))}
        {sum ? (
          <Text size="sm" c="red" role="alert">
            {sum}
          </Text>
        ) : null}
        <Group gap="xs">
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={16} />}
            onClick={() => change({ funding: [...form.funding, { by: '', share: '' }] })}
          >
            {t('ruleForm.addOrganisation')}
          </Button>
          {form.funding.some(({ by }) => by === 'partner') ? null : (
            <Button
              variant="default"
              size="xs"
              leftSection={<IconPlus size={16} />}
              onClick={() => change({ funding: [{ by: 'partner', share: '' }, ...form.funding] })}
            >
              {t('ruleForm.addPartner')}
            </Button>
          )}
        </Group>
      </Stack>
    </Fieldset>
  )
}

function TimeFields(part: Part) {
  const { t } = useWords()
  const { form, change } = part
  return (
    <Fieldset legend={t('ruleForm.time')}>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Whole part={part} name="hold" path="hold_days" />
        <Stack gap="xs">
          {form.forever ? null : <Whole part={part} name="life" path="life_months" />}
          <Checkbox
            label={t('ruleForm.forever')}
            checked={form.forever}
            onChange={(event) => change({ forever: event.currentTarget.checked })}
          />
        </Stack>
      </SimpleGrid>
    </Fieldset>
  )
}
