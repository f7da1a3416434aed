import { describe, expect, it } from 'vitest'
import type { Operation } from '../api/types'
import { nextRelease } from './release'

function pending(amount: string, available_at: string): Operation {
  return {
    id: `${amount} ${available_at}`,
    kind: amount.startsWith('-') ? 'refund' : 'purchase',
    amount,
    at: '2026-11-01T10:00:00Z',
    status: 'pending',
    available_at,
    explanation: [],
  }
}

describe('the next release', () => {
  it('is the earliest day, all of it together', () => {
    const operations = [
      pending('5.00', '2026-12-05T10:00:00Z'),
      pending('3.10', '2026-11-24T10:00:00Z'),
      pending('1.05', '2026-11-24T18:00:00Z'),
    ]
    expect(nextRelease(operations, false)).toEqual({ amount: '4.15', at: '2026-11-24T10:00:00Z' })
  })

  it('leaves out what was returned', () => {
    const operations = [
      pending('-2.00', '2026-11-24T10:00:00Z'),
      pending('2.00', '2026-11-24T10:00:00Z'),
      pending('7.00', '2026-11-30T10:00:00Z'),
    ]
    expect(nextRelease(operations, false)).toEqual({ amount: '7.00', at: '2026-11-30T10:00:00Z' })
    expect(nextRelease([], false)).toBeUndefined()
  })

  it('is not told while an earlier one may not be loaded', () => {
    const one = pending('5.00', '2026-12-05T10:00:00Z')
    expect(nextRelease([one], true)).toBeUndefined()
    expect(nextRelease([one, { ...one, status: 'available' }], true)?.amount).toBe('5.00')
  })
})
