/** Receipt and amount of a purchase, what it will bring, and the button that posts it. */
import { Button, Divider, Group, Kbd, SimpleGrid, Stack, Switch, TextInput } from '@mantine/core'
import { IconListDetails } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { Purchase, Resolution } from '../api/types'
import { figure, isZero, typedAmount } from '../ui/money'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { nextReceipt } from './codeField'
import { keepCategories, LinesEditor } from './LinesEditor'
import { EMPTY_LINE, readLines, type TypedLine } from './lines'
import { QuoteLines } from './QuoteLines'
import { soundNo } from './sounds'
import { bodyOf, type Terms, useQuote } from './useQuote'

/** A scanner may send more than its Enter: what comes right after it is not the cashier's. */
const AFTER_SCAN_MS = 250

interface Props {
  resolution: Resolution
  outlet: string
  lastReceipt: string | undefined
  onPosted: (purchase: Purchase) => void
}

interface Attempt {
  terms: string
  occurredAt: string
}

export function PurchaseForm({ resolution, outlet, lastReceipt, onPosted }: Props) {
  const { t, language } = useWords()
  const amountField = useRef<HTMLInputElement>(null)
  const receiptField = useRef<HTMLInputElement>(null)
  const [since] = useState(() => Date.now())
  const [amount, setAmount] = useState('')
  const [redeem, setRedeem] = useState('')
  const [receipt, setReceipt] = useState(() => nextReceipt(lastReceipt))
  const [typedLines, setTypedLines] = useState<TypedLine[]>([])
  const [held, setHeld] = useState(false)
  const [missing, setMissing] = useState<'amount' | 'receipt' | 'redeem' | 'lines'>()
  const attempt = useRef<Attempt>(undefined)

  const withLines = typedLines.length > 0
  const read = readLines(typedLines)
  const typed = withLines ? read.total : typedAmount(amount)
  const sum = typed && !isZero(typed) ? typed : undefined
  const points = redeem.trim() === '' ? undefined : typedAmount(redeem)
  const terms: Terms | undefined =
    sum && points !== null && (!withLines || read.wrong.length === 0)
      ? {
          resolution: resolution.resolution,
          outlet,
          receipt: receipt.trim(),
          amount: sum,
          redeem: points && !isZero(points) ? points : undefined,
          lines: withLines ? read.lines : undefined,
          held: held || undefined,
        }
      : undefined
  const quote = useQuote(terms)

  const posting = useMutation({
    mutationFn: (asked: Terms) => {
      // The same purchase asked again after a lost answer is word for word the same, and so the same answer.
      const key = JSON.stringify(asked)
      if (attempt.current?.terms !== key)
        attempt.current = { terms: key, occurredAt: new Date().toISOString() }
      return ask(api.POST('/v1/purchases', { body: bodyOf(asked, attempt.current.occurredAt) }))
    },
    onSuccess: (purchase, asked) => {
      keepCategories((asked.lines ?? []).map(({ category }) => category))
      onPosted(purchase)
    },
    onError: soundNo,
  })
  const problem = posting.error ? asProblem(posting.error) : terms ? quote.error : undefined
  const fields = ['amount', 'redeem', 'receipt']
  const loose = problem && !fields.some((name) => problem.field(name)) ? problem : undefined

  function submit(event: FormEvent) {
    event.preventDefault()
    if (posting.isPending || Date.now() - since < AFTER_SCAN_MS) return
    const lacks = missingOf()
    setMissing(lacks)
    if (lacks === 'amount') amountField.current?.focus()
    else if (lacks === 'receipt') receiptField.current?.focus()
    else if (!lacks && terms) posting.mutate(terms)
  }

  function missingOf() {
    if (withLines && read.wrong.length > 0) return 'lines'
    if (!sum) return 'amount'
    if (points === null) return 'redeem'
    return receipt.trim() === '' ? 'receipt' : undefined
  }

  function edit(set: (value: string) => void) {
    return (event: { currentTarget: { value: string } }) => {
      set(event.currentTarget.value)
      setMissing(undefined)
      posting.reset()
    }
  }

  function refusal(name: 'amount' | 'redeem' | 'receipt') {
    if (missing === name) return t(`purchase.missing.${name}`)
    return problem?.field(name)
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <SimpleGrid cols={resolution.may_redeem ? 2 : 1} spacing="md">
          <TextInput
            ref={amountField}
            className="till-amount"
            label={t('purchase.amount')}
            inputMode="decimal"
            autoComplete="off"
            autoFocus
            placeholder="0,00"
            readOnly={withLines}
            data-testid="amount"
            value={withLines ? figure(read.total, language) : amount}
            error={refusal('amount')}
            onChange={edit(setAmount)}
          />
          {resolution.may_redeem ? (
            <TextInput
              className="till-amount"
              label={t('purchase.redeem')}
              inputMode="decimal"
              autoComplete="off"
              placeholder="0,00"
              data-testid="redeem"
              value={redeem}
              error={refusal('redeem')}
              onChange={edit(setRedeem)}
            />
          ) : null}
        </SimpleGrid>
        <TextInput
          ref={receiptField}
          className="till-receipt"
          label={t('purchase.receipt')}
          autoComplete="off"
          maxLength={64}
          data-testid="receipt"
          value={receipt}
          error={refusal('receipt')}
          onChange={edit(setReceipt)}
        />
        {withLines ? (
          <LinesEditor
            lines={typedLines}
            wrong={missing === 'lines' ? read.wrong : []}
            onChange={(lines) => {
              setTypedLines(lines)
              setMissing(undefined)
              posting.reset()
            }}
          />
        ) : null}
        <Group justify="space-between" gap="sm">
          {withLines ? null : (
            <Button
              variant="subtle"
              size="compact-md"
              leftSection={<IconListDetails size={18} />}
              data-testid="lines"
              onClick={() => setTypedLines([{ ...EMPTY_LINE, amount }])}
            >
              {t('lines.open')}
            </Button>
          )}
          <Switch
            label={t('held.only')}
            checked={held}
            data-testid="hold"
            onChange={(event) => {
              setHeld(event.currentTarget.checked)
              posting.reset()
            }}
          />
        </Group>
        <Divider variant="dashed" />
        {loose ? <ProblemNote error={loose} /> : null}
        <QuoteLines
          quote={terms ? quote.data : undefined}
          amount={sum}
          fresh={!quote.isPlaceholderData && !quote.isFetching}
        />
        <Button type="submit" size="xl" loading={posting.isPending} data-testid="post">
          <Group gap="sm">
            {held ? t('held.hold') : t('purchase.post')}
            <Kbd className="till-kbd" visibleFrom="sm">
              Enter
            </Kbd>
          </Group>
        </Button>
      </Stack>
    </form>
  )
}
