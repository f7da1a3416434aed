import { describe, expect, it } from 'vitest'
import { broughtBack, soldOf } from './sold'

const WHOLE = { amount: '1000.00', redeemed: '300.00', paid: '700.00', refunded: '0.00' }

describe('what was sold', () => {
  it('is all of a purchase that was posted at once', () => {
    expect(soldOf(WHOLE)).toEqual({ amount: '1000.00', redeemed: '300.00', paid: '700.00' })
    expect(broughtBack({ ...WHOLE, refunded: '250.00' })).toBe('250.00')
  })

  it('is what was captured, and only what was brought back of that came back', () => {
    const captured = { amount: '600.00', redeemed: '180.00', paid: '420.00' }
    const purchase = { ...WHOLE, refunded: '400.00', captured }
    expect(soldOf(purchase)).toEqual(captured)
    expect(broughtBack(purchase)).toBe('0.00')
    expect(broughtBack({ ...purchase, refunded: '500.00' })).toBe('100.00')
  })
})
