/** What the customer pays and gets, before anything is posted. */
import { Box, Text } from '@mantine/core'
import type { Purchase } from '../api/types'
import { isZero } from '../ui/money'
import { useWords } from '../ui/words'

interface Props {
  quote: Purchase | undefined
  amount: string | undefined
  fresh: boolean
}

export function QuoteLines({ quote, amount, fresh }: Props) {
  const { t, rubles, dayShort } = useWords()
  const rules = quote?.cashback.rules.map(({ name }) => `«${name}»`).join(', ')
  return (
    <Box opacity={quote && !fresh ? 0.75 : 1} aria-live="polite" aria-busy={!fresh}>
      <div className="till-line">
        <Text>{t('purchase.toPay')}</Text>
        <Text fw={700} size="lg" className="number" data-testid="quote-paid">
          {quote ? rubles(quote.paid) : amount ? rubles(amount) : '—'}
        </Text>
      </div>
      <div className="till-line">
        <Text>
          {t('purchase.cashback')}
          {rules ? ` · ${rules}` : null}
        </Text>
        <Text
          fw={700}
          size="lg"
          className="number"
          {...(quote && !isZero(quote.cashback.amount) ? { c: 'green' } : {})}
          data-testid="quote-cashback"
          data-fresh={fresh && quote !== undefined}
        >
          {quote ? rubles(quote.cashback.amount, true) : '—'}
        </Text>
      </div>
      {quote?.cashback.reason ? (
        <Text size="sm" c="dimmed">
          {t(`purchase.reason.${quote.cashback.reason.replaceAll('-', '_')}`, {
            defaultValue: quote.cashback.reason,
          })}
        </Text>
      ) : null}
      {quote?.cashback.available_at ? (
        <div className="till-line">
          <Text c="dimmed">{t('purchase.availableOn')}</Text>
          <Text c="dimmed">{dayShort(quote.cashback.available_at)}</Text>
        </div>
      ) : null}
    </Box>
  )
}
