/** The purchase is posted: what it brought, and Enter for the next customer. */
import { Button, Group, Kbd, Paper, Stack, Text, Title } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import { type KeyboardEvent, useRef } from 'react'
import type { Purchase } from '../api/types'
import { isZero } from '../ui/money'
import { soldOf } from '../ui/sold'
import { useWords } from '../ui/words'

interface Props {
  purchase: Purchase
  /** Goes on to the next customer, with what a scanner has typed meanwhile. */
  onNext: (scanned: string) => void
}

export function ResultScreen({ purchase, onNext }: Props) {
  const { t, rubles, dayShort } = useWords()
  const { cashback, balance } = purchase
  const sold = soldOf(purchase)
  const voided = purchase.status === 'voided'
  const scanned = useRef('')
  const title =
    purchase.status === 'authorized'
      ? t('held.done')
      : voided
        ? t(isZero(purchase.redeemed) ? 'held.voidedBare' : 'held.voided')
        : t('result.title', { amount: rubles(cashback.amount) })

  /** The next card may be scanned over the result: its digits are kept, its Enter goes on with them. */
  function keys(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Enter' && scanned.current !== '') {
      event.preventDefault()
      onNext(scanned.current)
    } else if (event.key.length === 1) {
      event.preventDefault()
      scanned.current += event.key
    }
  }

  return (
    <Stack onKeyDown={keys}>
      <div className="band" data-testid="result" data-status="valid">
        <IconCircleCheck size={40} aria-hidden />
        <div>
          <Title order={2} size="h3" className="band-word">
            {title}
          </Title>
          <div>{t('result.receipt', { receipt: purchase.receipt, amount: rubles(sold.amount) })}</div>
        </div>
      </div>
      <Paper className="surface" p="md">
        {voided ? (
          <Line name={t('purchase.toPay')} value={t('held.nothing')} strong />
        ) : (
          <Line name={t('purchase.toPay')} value={rubles(sold.paid)} strong />
        )}
        {voided || isZero(sold.redeemed) ? null : (
          <Line name={t('result.redeemed')} value={rubles(sold.redeemed)} />
        )}
        {cashback.available_at && !isZero(cashback.amount) ? (
          <Line name={t('purchase.availableOn')} value={dayShort(cashback.available_at)} />
        ) : null}
        {cashback.reason ? (
          <Text size="sm" c="dimmed">
            {t(`purchase.reason.${cashback.reason.replaceAll('-', '_')}`, { defaultValue: cashback.reason })}
          </Text>
        ) : null}
        {balance ? (
          <>
            <Line name={t('result.available')} value={rubles(balance.available)} />
            <Line name={t('result.pending')} value={rubles(balance.pending)} />
          </>
        ) : null}
      </Paper>
      <Button size="xl" autoFocus data-testid="next" onClick={() => onNext('')}>
        <Group gap="sm">
          {t('result.next')}
          <Kbd className="till-kbd" visibleFrom="sm">
            Enter
          </Kbd>
        </Group>
      </Button>
    </Stack>
  )
}

export function Line({ name, value, strong = false }: { name: string; value: string; strong?: boolean }) {
  return (
    <div className="till-line">
      <Text {...(strong ? {} : { c: 'dimmed' })}>{name}</Text>
      <Text fw={strong ? 700 : 500} className="number">
        {value}
      </Text>
    </div>
  )
}
