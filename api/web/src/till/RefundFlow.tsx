/** A refund: the purchase by its receipt, what is left of it, how much goes back. */
import { Alert, Button, Group, Kbd, Stack, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { Purchase } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { byReceipt } from './find'
import { RefundForm } from './RefundForm'
import { RefundResult } from './RefundResult'
import { soundNo, soundYes } from './sounds'
import type { Done } from './today'

interface Props {
  outlet: string
  receipt: string
  onDone: (row: Done) => void
  onNext: () => void
}

export function RefundFlow({ outlet, receipt: given, onDone, onNext }: Props) {
  const { t } = useWords()
  const say = useAnnounce()
  const [receipt, setReceipt] = useState(given)
  const [after, setAfter] = useState<{ purchase: Purchase; amount: string }>()
  const search = useMutation({
    mutationFn: (wanted: string) => byReceipt(outlet, wanted),
    onSuccess: (found) => (found ? undefined : soundNo()),
    onError: soundNo,
  })

  function submit(event: FormEvent) {
    event.preventDefault()
    if (receipt.trim() !== '' && !search.isPending) search.mutate(receipt.trim())
  }

  function done(purchase: Purchase, amount: string, cashback: string) {
    soundYes()
    say(t('refund.said'))
    setAfter({ purchase, amount })
    const at = new Date().toISOString()
    onDone({ id: `${purchase.id} ${at}`, kind: 'refund', receipt: purchase.receipt, amount, cashback, at })
  }

  if (after) return <RefundResult purchase={after.purchase} amount={after.amount} onNext={onNext} />
  return (
    <Stack gap="md">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            className="till-receipt"
            label={t('refund.receipt')}
            description={t('refund.receiptHint')}
            autoFocus
            autoComplete="off"
            maxLength={64}
            data-testid="refund-receipt"
            value={receipt}
            onChange={(event) => {
              setReceipt(event.currentTarget.value)
              search.reset()
            }}
          />
          {search.data ? null : (
            <Button
              type="submit"
              size="lg"
              variant="default"
              loading={search.isPending}
              data-testid="refund-find"
            >
              <Group gap="sm">
                {t('refund.find')}
                <Kbd visibleFrom="sm">Enter</Kbd>
              </Group>
            </Button>
          )}
        </Stack>
      </form>
      {search.error ? <ProblemNote error={search.error} /> : null}
      {search.data === null ? (
        <Alert color="red" title={t('refund.notFound')} role="alert">
          {t('refund.notFoundHint')}
        </Alert>
      ) : null}
      {search.data ? <RefundForm key={search.data.id} purchase={search.data} onRefunded={done} /> : null}
    </Stack>
  )
}
