/** What was sold by a purchase in the end, and what came back of that. */
import type { Purchase } from '../api/types'
import { minus } from './money'

type Sums = Pick<Purchase, 'amount' | 'redeemed' | 'paid'>

/** What was captured, where a reserved purchase was carried through for less; else all of it. */
export function soldOf({ captured, amount, redeemed, paid }: Sums & Pick<Purchase, 'captured'>): Sums {
  return captured ?? { amount, redeemed, paid }
}

/** What customers brought back: what was never captured is not among it. */
export function broughtBack(purchase: Sums & Pick<Purchase, 'captured' | 'refunded'>): string {
  return minus(purchase.refunded, minus(purchase.amount, soldOf(purchase).amount))
}
