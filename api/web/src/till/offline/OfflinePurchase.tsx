/** A purchase without network: the proof was good, amount and receipt go into the queue. It earns, it doesn't redeem. */
import { Button, Paper, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { IconCheck, IconClockPause, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useEffect, useEffectEvent, useRef, useState } from 'react'
import { readProof, refusalOf } from '../../offline/proof'
import { isZero, typedAmount } from '../../ui/money'
import { useWords } from '../../ui/words'
import { nextReceipt } from '../codeField'
import { soundNo, soundYes } from '../sounds'
import { known, serverNow } from './known'
import { idOf, type Queued } from './queue'

interface Props {
  /** What was scanned. */
  text: string
  outlet: string
  lastReceipt: string | undefined
  /** The receipts that wait already. */
  waiting: Queued[]
  onQueue: (one: Queued) => Promise<void>
  /** Asks the server once more about what no till can judge by itself. */
  onAgain: () => void
  onNext: () => void
}

type Verdict = 'good' | 'not-a-proof' | 'forged' | 'unknown-key' | 'expired' | 'revoked'

async function judge(text: string): Promise<Verdict> {
  const proof = readProof(text)
  if (!proof) return 'not-a-proof'
  const { keys, revoked } = await known()
  return (
    (await refusalOf(proof, { keys, revoked: new Set(Object.keys(revoked)) }, await serverNow())) ?? 'good'
  )
}

export function OfflinePurchase(props: Props) {
  const { t } = useWords()
  const judged = useQuery({
    queryKey: ['proof', props.text],
    queryFn: () => judge(props.text),
    retry: false,
    gcTime: 0,
  })
  const verdict = judged.data ?? (judged.error ? 'not-a-proof' : undefined)
  const sound = useEffectEvent(() => (verdict === 'good' ? soundYes() : soundNo()))
  useEffect(() => {
    if (verdict) sound()
  }, [verdict])
  const [queued, setQueued] = useState(false)
  if (!verdict) return null
  const good = verdict === 'good'
  return (
    <Stack gap="md">
      <div
        className="band"
        data-testid="band"
        data-status={good ? 'valid' : 'invalid'}
        data-offline
        role={good ? 'status' : 'alert'}
      >
        {good ? (
          <IconCheck size={34} stroke={2.4} aria-hidden />
        ) : (
          <IconX size={34} stroke={2.4} aria-hidden />
        )}
        <div>
          <div className="band-word">{t(`offline.verdict.${verdict}.word`)}</div>
          <div>{t(`offline.verdict.${verdict}.reason`)}</div>
        </div>
      </div>
      {verdict === 'not-a-proof' ? (
        <Button size="xl" variant="default" data-testid="ask-again" onClick={props.onAgain}>
          {t('offline.askAgain')}
        </Button>
      ) : null}
      {good && !queued ? <Form {...props} onQueued={() => setQueued(true)} /> : null}
      {queued ? <Done onNext={props.onNext} /> : null}
    </Stack>
  )
}

function Form({ text, outlet, lastReceipt, waiting, onQueue, onQueued }: Props & { onQueued: () => void }) {
  const { t } = useWords()
  const amountField = useRef<HTMLInputElement>(null)
  const [amount, setAmount] = useState('')
  const [receipt, setReceipt] = useState(() => nextReceipt(waiting.at(-1)?.receipt ?? lastReceipt))
  const [wrong, setWrong] = useState<'amount' | 'receipt' | 'twice'>()
  async function submit(event: FormEvent) {
    event.preventDefault()
    const sum = typedAmount(amount)
    const name = receipt.trim()
    const id = idOf(outlet, name)
    const lacks =
      !sum || isZero(sum)
        ? 'amount'
        : name === ''
          ? 'receipt'
          : waiting.some((one) => one.id === id)
            ? 'twice'
            : undefined
    setWrong(lacks)
    if (lacks === 'amount') amountField.current?.focus()
    if (lacks || !sum) return
    const proof = text.replace(/\D/g, '')
    const occurredAt = new Date(await serverNow()).toISOString()
    await onQueue({ id, outlet, receipt: name, amount: sum, proof, occurredAt })
    onQueued()
  }
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
          <TextInput
            ref={amountField}
            className="till-amount"
            label={t('purchase.amount')}
            inputMode="decimal"
            autoComplete="off"
            autoFocus
            placeholder="0,00"
            data-testid="amount"
            value={amount}
            error={wrong === 'amount' ? t('purchase.missing.amount') : undefined}
            onChange={(event) => setAmount(event.currentTarget.value)}
          />
          <TextInput
            className="till-receipt"
            label={t('purchase.receipt')}
            autoComplete="off"
            data-testid="receipt"
            value={receipt}
            error={
              wrong === 'receipt'
                ? t('purchase.missing.receipt')
                : wrong === 'twice'
                  ? t('offline.twice')
                  : undefined
            }
            onChange={(event) => setReceipt(event.currentTarget.value)}
          />
        </SimpleGrid>
        <Text size="sm" c="dimmed">
          {t('offline.earnsOnly')}
        </Text>
        <Button type="submit" size="xl" data-testid="queue-post">
          {t('offline.queue')}
        </Button>
      </Stack>
    </form>
  )
}

function Done({ onNext }: { onNext: () => void }) {
  const { t } = useWords()
  return (
    <Stack>
      <Paper className="surface" p="md" data-testid="queued">
        <Text fw={600} className="with-icon">
          <IconClockPause size={20} aria-hidden /> {t('offline.queued')}
        </Text>
        <Text size="sm" c="dimmed">
          {t('offline.queuedHint')}
        </Text>
      </Paper>
      <Button size="xl" autoFocus data-testid="next" onClick={onNext}>
        {t('result.next')}
      </Button>
    </Stack>
  )
}
