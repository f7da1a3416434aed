/** What a purchase would bring, asked while the cashier types; nothing is posted by it. */
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import type { Problem } from '../api/problem'
import type { Purchase } from '../api/types'
import type { Line } from './lines'

export interface Terms {
  resolution: string
  outlet: string
  receipt: string
  amount: string
  redeem: string | undefined
  lines?: Line[] | undefined
  /** Reserved only, to be captured or voided later. */
  held?: boolean | undefined
}

const DEBOUNCE_MS = 250
/** Stands in for the receipt until it is entered: a quote takes up no receipt. */
const NO_RECEIPT = `quote-${crypto.randomUUID()}`

export function bodyOf(terms: Terms, occurredAt: string) {
  const { resolution, outlet, receipt, amount, redeem, lines, held } = terms
  return {
    resolution,
    outlet,
    receipt: receipt || NO_RECEIPT,
    occurred_at: occurredAt,
    amount,
    ...(redeem ? { redeem } : {}),
    ...(lines ? { lines } : {}),
    ...(held ? { capture: false } : {}),
  }
}

export function useQuote(terms: Terms | undefined) {
  const [asked] = useDebouncedValue(terms, DEBOUNCE_MS)
  return useQuery<Purchase, Problem>({
    queryKey: ['quote', asked],
    enabled: asked !== undefined && terms !== undefined,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      if (!asked) throw new Error('nothing to quote')
      return ask(api.POST('/v1/purchases/quote', { body: bodyOf(asked, new Date().toISOString()), signal }))
    },
  })
}
