/** What of the pending cashback comes next, from the operations that are loaded. */
import type { Operation } from '../api/types'
import { isoDay } from '../ui/moment'
import { kopecks, minus } from '../ui/money'

export interface Release {
  amount: string
  at: string
}

/**
 * The first day with something to be released, refunds taken off; nothing while there may be an earlier one
 * among the operations not loaded yet.
 */
export function nextRelease(operations: Operation[], more: boolean): Release | undefined {
  const settled = operations.some(({ kind, status }) => kind === 'purchase' && status === 'available')
  if (more && !settled) return undefined
  const days = new Map<string, Release>()
  for (const { status, available_at, amount } of operations) {
    if (status !== 'pending' || !available_at) continue
    const day = isoDay(new Date(available_at))
    const before = days.get(day)
    days.set(day, {
      amount: before ? minus(before.amount, minus('0.00', amount)) : amount,
      at: before?.at ?? available_at,
    })
  }
  return [...days.values()]
    .filter(({ amount }) => kopecks(amount) > 0n)
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))[0]
}
