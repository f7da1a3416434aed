/** The refund is posted: the purchase as it is now. */
import { Button, Group, Kbd, Paper, Stack, Title } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import type { Purchase } from '../api/types'
import { minus } from '../ui/money'
import { broughtBack, soldOf } from '../ui/sold'
import { useWords } from '../ui/words'
import { Line } from './ResultScreen'

interface Props {
  purchase: Purchase
  amount: string
  onNext: () => void
}

export function RefundResult({ purchase, amount, onNext }: Props) {
  const { t, rubles } = useWords()
  return (
    <Stack>
      <div className="band" data-testid="refund-result" data-status="valid">
        <IconCircleCheck size={40} aria-hidden />
        <div>
          <Title order={2} size="h3" className="band-word">
            {t('refund.done', { amount: rubles(amount) })}
          </Title>
          <div>{t(`refund.status.${purchase.status}`, { defaultValue: purchase.status })}</div>
        </div>
      </div>
      <Paper className="surface" p="md">
        <Line name={t('refund.amount')} value={rubles(soldOf(purchase).amount)} />
        <Line name={t('refund.refunded')} value={rubles(broughtBack(purchase))} />
        <Line name={t('refund.left')} value={rubles(minus(purchase.amount, purchase.refunded))} strong />
        <Line name={t('refund.cashbackLeft')} value={rubles(purchase.cashback.amount)} />
      </Paper>
      <Button size="xl" autoFocus data-testid="next" onClick={onNext}>
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
