/** What a partner's purchases are judged by: changed by finance or an administrator, from now on. */
import { Button, Group, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem, type Problem } from '../../api/problem'
import type { Partner } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { figure, typedAmount } from '../../ui/money'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { MAY } from '../sections'
import { useMay } from '../staff'
import { percentOf, rateOf } from './percent'

/** The terms as they are typed. */
interface Typed {
  commission: string
  redeem: string
  least: string
  counter: boolean
}

export function PartnerTerms({ partner }: { partner: Partner }) {
  const { t, share, rubles } = useWords()
  const may = useMay(MAY.changePartner)
  return (
    <Stack gap="xs">
      <Title order={3} size="h6">
        {t('partners.settings')}
      </Title>
      <Text size="sm" c="dimmed">
        {t(may ? 'partners.settingsHint' : 'partners.readOnly')}
      </Text>
      {may ? (
        <Form partner={partner} />
      ) : (
        <Facts
          rows={[
            [t('partners.commission'), share(partner.commission_rate)],
            [t('partners.redeem'), share(partner.redeem_share)],
            [t('partners.leastField'), rubles(partner.redeem_least)],
            [t('partners.counter'), t(partner.counter_provision ? 'partners.yes' : 'partners.no')],
          ]}
        />
      )}
    </Stack>
  )
}

/** What stands in the fields before anybody types. */
function typedOf(partner: Partner, language: string): Typed {
  const comma = (text: string) => (language.startsWith('ru') ? text.replace('.', ',') : text)
  return {
    commission: comma(percentOf(partner.commission_rate)),
    redeem: comma(percentOf(partner.redeem_share)),
    least: figure(partner.redeem_least, language),
    counter: partner.counter_provision,
  }
}

/** The terms as the API wants them; `null` where a field can't be read. */
function readOf({ commission, redeem, least, counter }: Typed) {
  return {
    commission_rate: rateOf(commission),
    redeem_share: rateOf(redeem),
    redeem_least: typedAmount(least),
    counter_provision: counter,
  }
}

function Form({ partner }: { partner: Partner }) {
  const { t, language } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [typed, setTyped] = useState(() => typedOf(partner, language))
  const read = readOf(typed)
  const saving = useMutation({
    mutationFn: () => {
      const { commission_rate, redeem_share, redeem_least, counter_provision } = read
      const body = {
        counter_provision,
        ...(commission_rate ? { commission_rate } : {}),
        ...(redeem_share ? { redeem_share } : {}),
        ...(redeem_least ? { redeem_least } : {}),
      }
      return ask(api.PATCH('/v1/partners/{code}', { params: { path: { code: partner.code } }, body }))
    },
    onSuccess: async (changed) => {
      say(t('partners.saved'))
      setTyped(typedOf(changed, language))
      await queries.invalidateQueries({ queryKey: ['partners'] })
      await queries.invalidateQueries({ queryKey: ['partner', partner.code] })
    },
  })
  const readable = read.commission_rate !== null && read.redeem_share !== null && read.redeem_least !== null
  const changed = JSON.stringify(read) !== JSON.stringify(readOf(typedOf(partner, language)))
  function submit(event: FormEvent) {
    event.preventDefault()
    if (readable && changed && !saving.isPending) saving.mutate()
  }
  return (
    <form onSubmit={submit} noValidate data-testid="partner-terms">
      <Stack gap="sm">
        <Fields
          typed={typed}
          onType={setTyped}
          problem={saving.error ? asProblem(saving.error) : undefined}
        />
        <Group justify="flex-end">
          <Button
            type="submit"
            disabled={!readable || !changed}
            loading={saving.isPending}
            data-testid="partner-save"
          >
            {t('partners.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface FieldsProps {
  typed: Typed
  onType: (typed: Typed) => void
  problem: Problem | undefined
}

function Fields({ typed, onType, problem }: FieldsProps) {
  const { t } = useWords()
  const read = readOf(typed)
  const told = ['commission_rate', 'redeem_share', 'redeem_least'].some((name) => problem?.field(name))
  const field = (
    at: 'commission' | 'redeem' | 'least',
    name: 'commission_rate' | 'redeem_share' | 'redeem_least',
  ) => ({
    label: t(`partners.${at}Field`),
    description: t(`partners.${at}Hint`),
    value: typed[at],
    inputMode: 'decimal' as const,
    error:
      read[name] === null
        ? t(at === 'least' ? 'partners.notAmount' : 'partners.notPercent')
        : problem?.field(name),
    onChange: (event: { currentTarget: HTMLInputElement }) =>
      onType({ ...typed, [at]: event.currentTarget.value }),
    'data-testid': `partner-${at}`,
  })
  return (
    <>
      <TextInput {...field('commission', 'commission_rate')} />
      <TextInput {...field('redeem', 'redeem_share')} />
      <TextInput {...field('least', 'redeem_least')} />
      <Switch
        label={t('partners.counter')}
        description={t('partners.counterHint')}
        checked={typed.counter}
        onChange={(event) => onType({ ...typed, counter: event.currentTarget.checked })}
        data-testid="partner-counter"
      />
      {problem && !told ? <ProblemNote error={problem} allowed={MAY.changePartner} /> : null}
    </>
  )
}
