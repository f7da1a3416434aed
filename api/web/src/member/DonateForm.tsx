/** How much is given, with its confirmation. Behind a tap. */
import { Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { Balance, Me } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { CancelOr } from '../ui/CancelOr'
import { isZero, typedAmount } from '../ui/money'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

interface Props {
  me: Me
  balance: Balance
  onDone: () => void
}

export default function DonateForm(props: Props) {
  const { t } = useWords()
  return (
    <Modal
      opened
      onClose={props.onDone}
      title={t('donate.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Gift {...props} />
    </Modal>
  )
}

function Gift({ me, balance, onDone }: Props) {
  const { t, rubles } = useWords()
  const queries = useQueryClient()
  const say = useAnnounce()
  const [text, setText] = useState('')
  const [missing, setMissing] = useState(false)
  /** The same gift asked again after a lost answer is one gift. */
  const key = useRef(crypto.randomUUID())
  const giving = useMutation({
    mutationFn: (amount: string) =>
      ask(
        api.POST('/v1/me/payouts', {
          headers: { 'Idempotency-Key': key.current },
          body: { amount, destination: { kind: 'solidarity' } },
        }),
      ),
    onSuccess: async (given) => {
      say(t('donate.done', { amount: rubles(given.amount) }))
      onDone()
      await queries.invalidateQueries()
    },
    onError: () => {
      key.current = crypto.randomUUID()
    },
  })
  const problem = giving.error ? asProblem(giving.error) : undefined
  const field = missing ? t('donate.notAmount') : problem?.field('amount')
  function submit(event: FormEvent) {
    event.preventDefault()
    const amount = typedAmount(text)
    const good = amount !== null && !isZero(amount)
    setMissing(!good)
    if (good) giving.mutate(amount)
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Text size="sm">{t('donate.text', { amount: rubles(balance.available) })}</Text>
        <TextInput
          label={t('donate.amount')}
          {...(me.enrolled ? { description: t('donate.least') } : {})}
          inputMode="decimal"
          autoComplete="off"
          data-autofocus
          data-testid="donate-amount"
          value={text}
          error={field}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setMissing(false)
          }}
        />
        {problem && !field ? <ProblemNote error={problem} /> : null}
        <CancelOr onCancel={onDone} type="submit" loading={giving.isPending} data-testid="donate-confirm">
          {t('donate.confirm')}
        </CancelOr>
      </Stack>
    </form>
  )
}
