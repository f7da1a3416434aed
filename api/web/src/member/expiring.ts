/** What expires soon: within 30 days, and of that within 7. */
import type { Balance } from '../api/types'
import { isoDay } from '../ui/moment'
import { decimal, kopecks } from '../ui/money'

export const SOON_DAYS = 30
export const URGENT_DAYS = 7

export interface Soon {
  days: { amount: string; on: string; urgent: boolean }[]
  total: string
  urgent: boolean
}

/** Nothing when nothing expires within 30 days of the programme's calendar. */
export function soon(expiring: Balance['expiring'], now = new Date()): Soon | undefined {
  const today = Date.parse(isoDay(now))
  const left = (on: string) => Math.round((Date.parse(on) - today) / 86_400_000)
  const days = expiring
    .filter(({ on }) => left(on) <= SOON_DAYS)
    .map(({ amount, on }) => ({ amount, on, urgent: left(on) <= URGENT_DAYS }))
  if (days.length === 0) return undefined
  const total = decimal(days.reduce((sum, { amount }) => sum + kopecks(amount), 0n))
  return { days, total, urgent: days.some(({ urgent }) => urgent) }
}
