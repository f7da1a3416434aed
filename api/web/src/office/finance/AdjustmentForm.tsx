/** A correction to be proposed: what to do with which account, how much, why, and what it rests on. */
import { NumberInput, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { isZero, typedAmount } from '../../ui/money'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { MAY } from '../sections'
import { partnersQuery } from './partnersQuery'

const DEEDS = ['give', 'take', 'writeOff'] as const
const KINDS = ['available', 'pending', 'debt', 'receivable', 'funding', 'union'] as const
const UNION = ['commission', 'vat', 'breakage', 'solidarity', 'bank', 'suspense', 'expenses', 'losses']
type Deed = (typeof DEEDS)[number]
type Kind = (typeof KINDS)[number]

interface Asked {
  deed: Deed
  kind: Kind
  owner: string
  amount: string
  life: number | null
  reason: string
  evidence: string
}

/** The account's name; a member's is found by number. */
async function accountOf({ kind, owner }: Asked): Promise<string | undefined> {
  if (kind === 'union') return `${owner}:union`
  if (kind === 'receivable' || kind === 'funding') return `${kind}:${owner.trim()}`
  const found = await ask(api.GET('/v1/standings', { params: { query: { number: owner.trim() } } }))
  const member = found.items[0]?.member.id
  return member ? `${kind}:${member}` : undefined
}

class NotFound extends Error {}

async function propose(asked: Asked) {
  const account = await accountOf(asked)
  if (!account) throw new NotFound()
  const [debit, credit] =
    asked.deed === 'writeOff'
      ? ['losses:union', account]
      : asked.deed === 'give'
        ? ['adjustments:union', account]
        : [account, 'adjustments:union']
  const { amount, life, reason, evidence } = asked
  return ask(
    api.POST('/v1/adjustments', { body: { debit, credit, amount, life_months: life, reason, evidence } }),
  )
}

export function AdjustmentForm({ member, onDone }: { member: string; onDone: () => void }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [deed, setDeed] = useState<Deed>('give')
  const [kind, setKind] = useState<Kind>('available')
  const [owner, setOwner] = useState(member)
  const [amount, setAmount] = useState('')
  const [life, setLife] = useState<number | string>(12)
  const [reason, setReason] = useState('')
  const [evidence, setEvidence] = useState('')
  const [checked, setChecked] = useState(false)
  const proposing = useMutation({
    mutationFn: propose,
    onSuccess: async () => {
      say(t('adjustments.proposed'))
      onDone()
      await queries.invalidateQueries({ queryKey: ['adjustments'] })
    },
  })
  const sum = typedAmount(amount)
  const good = sum !== null && !isZero(sum)
  const lost = proposing.error instanceof NotFound
  const problem = proposing.error && !lost ? asProblem(proposing.error) : undefined
  const kinds = KINDS.filter((one) => deed !== 'writeOff' || one === 'debt' || one === 'receivable')
  const members = kind === 'available' || kind === 'pending' || kind === 'debt'
  const ready = good && owner.trim() !== '' && reason.trim() !== '' && evidence.trim() !== ''
  /** What is wanted of a field that was left empty. */
  const missing = (name: 'owner' | 'reason' | 'evidence', value: string) =>
    checked && value.trim() === '' ? t(`adjustments.missing.${name}`) : undefined
  function submit(event: FormEvent) {
    event.preventDefault()
    setChecked(true)
    if (ready && sum)
      proposing.mutate({
        deed,
        kind,
        owner,
        amount: sum,
        life: life === '' ? null : Number(life),
        reason: reason.trim(),
        evidence: evidence.trim(),
      })
  }
  const choose = (to: Deed) => {
    setDeed(to)
    if (to === 'writeOff' && kind !== 'debt' && kind !== 'receivable') change('debt')
  }
  const change = (to: Kind) => {
    setKind(to)
    if (to === 'receivable' || to === 'funding' || to === 'union') setOwner('')
    else setOwner(member)
    proposing.reset()
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Select
          label={t('adjustments.what')}
          allowDeselect={false}
          data={DEEDS.map((one) => ({ value: one, label: t(`adjustments.deed.${one}`) }))}
          value={deed}
          onChange={(to) => choose((to ?? 'give') as Deed)}
        />
        <Select
          label={t('adjustments.account')}
          allowDeselect={false}
          data={kinds.map((one) => ({ value: one, label: t(`adjustments.accountKind.${one}`) }))}
          value={kind}
          onChange={(to) => change((to ?? 'available') as Kind)}
        />
        <Owner
          kind={kind}
          value={owner}
          error={
            missing('owner', owner) ??
            (lost ? t('adjustments.notFound') : (problem?.field('debit') ?? problem?.field('credit')))
          }
          onChange={(to) => {
            setOwner(to)
            proposing.reset()
          }}
        />
        <TextInput
          label={t('adjustments.amount')}
          inputMode="decimal"
          autoComplete="off"
          data-testid="adjustment-amount"
          value={amount}
          error={checked && !good ? t('adjustments.notAmount') : problem?.field('amount')}
          onChange={(event) => setAmount(event.currentTarget.value)}
        />
        {members && deed === 'give' && kind !== 'debt' ? (
          <NumberInput
            label={t('adjustments.life')}
            min={1}
            max={1200}
            allowDecimal={false}
            value={life}
            error={problem?.field('life_months')}
            onChange={setLife}
          />
        ) : null}
        <Textarea
          label={t('adjustments.reason')}
          maxLength={1000}
          autosize
          data-testid="adjustment-reason"
          value={reason}
          error={missing('reason', reason) ?? problem?.field('reason')}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Textarea
          label={t('adjustments.evidence')}
          maxLength={1000}
          autosize
          data-testid="adjustment-evidence"
          value={evidence}
          error={missing('evidence', evidence) ?? problem?.field('evidence')}
          onChange={(event) => setEvidence(event.currentTarget.value)}
        />
        {problem && problem.errors.length === 0 ? (
          <ProblemNote error={problem} allowed={MAY.propose} />
        ) : null}
        <CancelOr
          onCancel={onDone}
          type="submit"
          loading={proposing.isPending}
          data-testid="adjustment-propose"
        >
          {t('adjustments.propose')}
        </CancelOr>
      </Stack>
    </form>
  )
}

interface OwnerProps {
  kind: Kind
  value: string
  error: string | undefined
  onChange: (value: string) => void
}

function Owner({ kind, value, error, onChange }: OwnerProps) {
  const { t, exists } = useWords()
  const partners = useQuery({ ...partnersQuery(), enabled: kind === 'receivable' })
  const shown = error ? { error } : {}
  if (kind === 'receivable' || kind === 'union') {
    const data =
      kind === 'union'
        ? UNION.map((one) => ({ value: one, label: exists(`account.${one}`) ? t(`account.${one}`) : one }))
        : (partners.data ?? []).map(({ code, name }) => ({ value: code, label: `${name} · ${code}` }))
    return (
      <Select
        label={t(`adjustments.owner.${kind}`)}
        searchable
        data={data}
        value={value || null}
        onChange={(to) => onChange(to ?? '')}
        {...shown}
      />
    )
  }
  return (
    <TextInput
      label={t(kind === 'funding' ? 'adjustments.owner.funding' : 'adjustments.owner.member')}
      autoComplete="off"
      data-testid="adjustment-owner"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      {...shown}
    />
  )
}
