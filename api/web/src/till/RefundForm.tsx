/** How much of a found purchase goes back, by lines or as an amount, under which reference. */
import { Button, Group, Kbd, Paper, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { Purchase } from '../api/types'
import { figure, isZero, minus, typedAmount } from '../ui/money'
import { broughtBack, soldOf } from '../ui/sold'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { type Line as PurchaseLine, readParts } from './lines'
import { PartLines } from './PartLines'
import { Line } from './ResultScreen'
import { soundNo } from './sounds'

interface Props {
  purchase: Purchase
  onRefunded: (purchase: Purchase, amount: string, cashback: string) => void
}

/** Unique per purchase; kept while the same refund is tried again, so that it is posted once. */
function newReference(receipt: string): string {
  return `${receipt.slice(0, 48)}-R${Date.now().toString(36).toUpperCase()}`
}

export function RefundForm({ purchase, onRefunded }: Props) {
  const { t, rubles, language } = useWords()
  const left = minus(purchase.amount, purchase.refunded)
  const nothing = isZero(left)
  const [amount, setAmount] = useState(() => figure(left, language))
  const [reference, setReference] = useState(() => newReference(purchase.receipt))
  const [missing, setMissing] = useState(false)
  const lines = purchase.lines ?? []
  const most = lines.map((line) => line.left)
  const [parts, setParts] = useState(() => lines.map(() => ''))
  const [byLines, setByLines] = useState(lines.length > 0)
  const read = readParts(lines, most, parts)
  const refunding = useMutation({
    mutationFn: (what: { sum: string; lines?: PurchaseLine[] }) =>
      ask(
        api.POST('/v1/purchases/{id}/refunds', {
          params: { path: { id: purchase.id } },
          body: {
            ...(what.lines ? { lines: what.lines } : { amount: what.sum }),
            reference: reference.trim(),
          },
        }),
      ),
    onSuccess: (now, { sum }) => onRefunded(now, sum, minus(now.cashback.amount, purchase.cashback.amount)),
    onError: soundNo,
  })
  const problem = refunding.error ? asProblem(refunding.error) : undefined

  function submit(event: FormEvent) {
    event.preventDefault()
    const sum = byLines ? read.total : typedAmount(amount)
    setMissing(!sum || isZero(sum))
    if (!sum || isZero(sum) || refunding.isPending || (byLines && read.wrong.length > 0)) return
    refunding.mutate(byLines ? { sum, lines: read.lines } : { sum })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <Paper className="surface" p="md" data-testid="refund-purchase">
          <Line name={t('refund.amount')} value={rubles(soldOf(purchase).amount)} />
          <Line name={t('refund.refunded')} value={rubles(broughtBack(purchase))} />
          <Line name={t('refund.left')} value={rubles(left)} strong />
        </Paper>
        {nothing ? null : (
          <>
            {lines.length > 0 ? (
              <SegmentedControl
                aria-label={t('refund.how')}
                data-testid="refund-how"
                value={byLines ? 'lines' : 'amount'}
                onChange={(how) => setByLines(how === 'lines')}
                data={[
                  { value: 'lines', label: t('refund.byLines') },
                  { value: 'amount', label: t('refund.byAmount') },
                ]}
              />
            ) : null}
            {byLines ? (
              <>
                <PartLines
                  lines={lines}
                  most={most}
                  parts={parts}
                  wrong={read.wrong}
                  onChange={(changed) => {
                    setParts(changed)
                    setMissing(false)
                  }}
                />
                <Line name={t('refund.back')} value={rubles(read.total)} strong />
                {missing ? (
                  <Text size="sm" c="red" role="alert">
                    {t('refund.noLines')}
                  </Text>
                ) : null}
              </>
            ) : (
              <TextInput
                className="till-amount"
                label={t('refund.back')}
                inputMode="decimal"
                autoComplete="off"
                autoFocus
                data-testid="refund-amount"
                value={amount}
                error={missing ? t('purchase.missing.amount') : problem?.field('amount')}
                onFocus={(event) => event.currentTarget.select()}
                onChange={(event) => {
                  setAmount(event.currentTarget.value)
                  setMissing(false)
                }}
              />
            )}
            <TextInput
              label={t('refund.reference')}
              description={t('refund.referenceHint')}
              autoComplete="off"
              maxLength={64}
              data-testid="refund-reference"
              value={reference}
              error={problem?.field('reference')}
              onChange={(event) => setReference(event.currentTarget.value)}
            />
            {problem && !problem.field('amount') && !problem.field('reference') ? (
              <ProblemNote error={problem} />
            ) : null}
            <Button type="submit" size="xl" loading={refunding.isPending} data-testid="refund-post">
              <Group gap="sm">
                {t('refund.post')}
                <Kbd className="till-kbd" visibleFrom="sm">
                  Enter
                </Kbd>
              </Group>
            </Button>
          </>
        )}
      </Stack>
    </form>
  )
}
