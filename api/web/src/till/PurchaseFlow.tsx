/** One customer: scan → band → amount → post → result. */
import { Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { api, ask, PATIENCE_MS } from '../api/client'
import { asProblem } from '../api/problem'
import type { Purchase, Resolution } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { useWords } from '../ui/words'
import { Band, isGood, type Verdict } from './Band'
import { CodeField } from './CodeField'
import type { Reading } from './codeField'
import { EnrolStep } from './EnrolStep'
import { OfflinePurchase } from './offline/OfflinePurchase'
import type { Queued } from './offline/queue'
import { PurchaseForm } from './PurchaseForm'
import { ResultScreen } from './ResultScreen'
import { soundNo, soundYes } from './sounds'
import type { Done } from './today'

/** What each reading is asked as. */
const FIELDS = { card: 'card_number', code: 'code', proof: 'proof' } as const

interface Props {
  outlet: string
  queue: { rows: Queued[]; add: (one: Queued) => Promise<void> }
  /** What a scanner typed over the last result. */
  scanned: string
  lastReceipt: string | undefined
  onDone: (row: Done) => void
  onNext: (scanned: string) => void
}

export function PurchaseFlow({ outlet, queue, scanned, lastReceipt, onDone, onNext }: Props) {
  const { t, rubles } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const code = useRef<HTMLInputElement>(null)
  const [read, setRead] = useState<Reading>()
  const [verdict, setVerdict] = useState<Verdict>()
  const [offline, setOffline] = useState<string>()
  const [posted, setPosted] = useState<Purchase>()

  const resolving = useMutation({
    mutationFn: ({ kind, value }: Reading) =>
      ask(
        api.POST('/v1/cards/resolve', {
          body: { [FIELDS[kind]]: value },
          signal: AbortSignal.timeout(PATIENCE_MS),
        }),
      ),
    onSuccess: (resolution) => {
      setVerdict({ resolution })
      if (resolution.status === 'valid') soundYes()
      else refuse()
    },
    onError: (error, { value }) => {
      const problem = asProblem(error)
      // A server that says of itself that it is busy is there: what it says is told.
      if (problem.unreachable && !problem.title) return setOffline(value)
      setVerdict({ problem })
      refuse()
    },
  })

  /** The same check of the card, whose holder is in the programme now: what it brings is asked anew. */
  function joined(resolution: Resolution) {
    setVerdict({ resolution: { ...resolution, may_enrol: false } })
    void queries.invalidateQueries({ queryKey: ['quote'] })
  }

  function check(reading: Reading) {
    setRead(reading)
    setVerdict(undefined)
    setOffline(undefined)
    resolving.mutate(reading)
  }

  /** The button goes away with its band: the cursor is where a scanner types, whatever the answer. */
  function again() {
    code.current?.focus()
    if (read) check(read)
  }

  /** The field is ready for the next try, with what was typed chosen. */
  function refuse() {
    soundNo()
    setRead(undefined)
    requestAnimationFrame(() => {
      code.current?.focus()
      code.current?.select()
    })
  }

  function done(purchase: Purchase) {
    soundYes()
    setPosted(purchase)
    if (purchase.status === 'authorized') {
      say(t('held.done'))
      return
    }
    say(t('result.said', { amount: rubles(purchase.cashback.amount) }))
    onDone({
      id: purchase.id,
      kind: 'purchase',
      receipt: purchase.receipt,
      amount: purchase.amount,
      cashback: purchase.cashback.amount,
      at: new Date().toISOString(),
    })
  }

  if (posted) return <ResultScreen purchase={posted} onNext={onNext} />
  return (
    <Stack gap="md">
      <CodeField
        input={code}
        initial={scanned}
        busy={resolving.isPending}
        read={read}
        onRead={check}
        onEdit={() => {
          setRead(undefined)
          setVerdict(undefined)
          setOffline(undefined)
        }}
      />
      {verdict ? <Band verdict={verdict} /> : null}
      {verdict && isGood(verdict) && verdict.resolution.may_enrol ? (
        <EnrolStep
          // The form below has the bare one: two siblings of one key would be taken for each other.
          key={`enrol-${verdict.resolution.resolution}`}
          resolution={verdict.resolution.resolution}
          onDone={() => joined(verdict.resolution)}
        />
      ) : null}
      {offline ? (
        <OfflinePurchase
          key={offline}
          text={offline}
          outlet={outlet}
          lastReceipt={lastReceipt}
          waiting={queue.rows}
          onQueue={queue.add}
          onAgain={again}
          onNext={() => onNext('')}
        />
      ) : null}
      {verdict && isGood(verdict) ? (
        <PurchaseForm
          key={verdict.resolution.resolution}
          resolution={verdict.resolution}
          outlet={outlet}
          lastReceipt={lastReceipt}
          onPosted={done}
        />
      ) : null}
    </Stack>
  )
}
