/** One reserved purchase: how much of it goes through, or whether it is given up. */
import { Button, Group, Kbd, Paper, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { Purchase } from '../api/types'
import { figure, isZero, typedAmount } from '../ui/money'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { readParts } from './lines'
import { PartLines } from './PartLines'
import { Line } from './ResultScreen'
import { soundNo, soundYes } from './sounds'

interface Props {
  purchase: Purchase
  onBack: () => void
  onDone: (purchase: Purchase) => void
}

type Asked = { amount: string } | { lines: ReturnType<typeof readParts>['lines'] } | 'void'

export function HeldForm({ purchase, onBack, onDone }: Props) {
  const { t, rubles, language } = useWords()
  const lines = purchase.lines ?? []
  const most = lines.map((line) => line.amount)
  const [amount, setAmount] = useState(() => figure(purchase.amount, language))
  const [parts, setParts] = useState(() => most.map((one) => figure(one, language)))
  const [giveUp, setGiveUp] = useState(false)
  const [missing, setMissing] = useState(false)
  const read = readParts(lines, most, parts)
  const deciding = useMutation({
    mutationFn: (asked: Asked) => {
      const path = { path: { id: purchase.id } }
      return asked === 'void'
        ? ask(api.POST('/v1/purchases/{id}/void', { params: path }))
        : ask(api.POST('/v1/purchases/{id}/capture', { params: path, body: asked }))
    },
    onSuccess: (now) => {
      soundYes()
      onDone(now)
    },
    onError: soundNo,
  })
  const problem = deciding.error ? asProblem(deciding.error) : undefined

  function submit(event: FormEvent) {
    event.preventDefault()
    if (deciding.isPending) return
    if (lines.length > 0) {
      setMissing(isZero(read.total))
      if (read.wrong.length === 0 && !isZero(read.total)) deciding.mutate({ lines: read.lines })
      return
    }
    const sum = typedAmount(amount)
    setMissing(!sum || isZero(sum))
    if (sum && !isZero(sum)) deciding.mutate({ amount: sum })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <Paper className="surface" p="md" data-testid="held-purchase">
          <Line name={t('purchase.receipt')} value={purchase.receipt} />
          <Line name={t('refund.amount')} value={rubles(purchase.amount)} strong />
          {isZero(purchase.redeemed) ? null : (
            <Line name={t('held.points')} value={rubles(purchase.redeemed)} />
          )}
        </Paper>
        {lines.length > 0 ? (
          <>
            <PartLines lines={lines} most={most} parts={parts} wrong={read.wrong} onChange={setParts} />
            <Line name={t('held.through')} value={rubles(read.total)} strong />
            {missing ? (
              <Text size="sm" c="red" role="alert">
                {t('purchase.missing.amount')}
              </Text>
            ) : null}
          </>
        ) : (
          <TextInput
            className="till-amount"
            label={t('held.capture')}
            description={t('held.captureHint')}
            inputMode="decimal"
            autoComplete="off"
            autoFocus
            data-testid="held-amount"
            value={amount}
            error={missing ? t('purchase.missing.amount') : problem?.field('amount')}
            onFocus={(event) => event.currentTarget.select()}
            onChange={(event) => setAmount(event.currentTarget.value)}
          />
        )}
        {problem && !problem.field('amount') ? <ProblemNote error={problem} /> : null}
        <Button type="submit" size="xl" loading={deciding.isPending} data-testid="held-capture">
          <Group gap="sm">
            {t('held.post')}
            <Kbd className="till-kbd" visibleFrom="sm">
              Enter
            </Kbd>
          </Group>
        </Button>
        <Group grow>
          <Button variant="default" size="md" onClick={onBack}>
            {t('held.back')}
          </Button>
          <Button
            variant={giveUp ? 'filled' : 'light'}
            color="red"
            size="md"
            data-testid={giveUp ? 'held-void-sure' : 'held-void'}
            onClick={() => (giveUp ? deciding.mutate('void') : setGiveUp(true))}
          >
            {giveUp ? t('held.voidSure') : t('held.void')}
          </Button>
        </Group>
        {giveUp ? (
          <Text size="sm" c="dimmed" role="status">
            {t('held.voidHint')}
          </Text>
        ) : null}
      </Stack>
    </form>
  )
}
