import { describe, expect, it } from 'vitest'
import { soon } from './expiring'

const now = new Date('2026-11-22T21:30:00Z') // 23 November in Moscow

describe('what expires soon', () => {
  it('is what ends within 30 days, urgent within 7', () => {
    const expiring = [
      { amount: '10.00', on: '2026-11-30' },
      { amount: '20.05', on: '2026-12-01' },
      { amount: '30.00', on: '2026-12-23' },
      { amount: '40.00', on: '2026-12-24' },
    ]
    expect(soon(expiring, now)).toEqual({
      days: [
        { amount: '10.00', on: '2026-11-30', urgent: true },
        { amount: '20.05', on: '2026-12-01', urgent: false },
        { amount: '30.00', on: '2026-12-23', urgent: false },
      ],
      total: '60.05',
      urgent: true,
    })
  })

  it('is nothing when all of it lasts longer', () => {
    expect(soon([{ amount: '40.00', on: '2026-12-24' }], now)).toBeUndefined()
    expect(soon([], now)).toBeUndefined()
  })
})
