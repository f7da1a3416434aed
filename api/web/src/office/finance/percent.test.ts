import { describe, expect, it } from 'vitest'
import { percentOf, rateOf } from './percent'

describe('a rate', () => {
  it.each([
    ['0.02', '2'],
    ['0.5', '50'],
    ['1', '100'],
    ['0', '0'],
    ['0.035', '3.5'],
    ['0.0375', '3.75'],
    ['0.000001', '0.0001'],
    ['0.1', '10'],
  ])('%s is %s percent, there and back', (rate, percent) => {
    expect(percentOf(rate)).toBe(percent)
    expect(rateOf(percent)).toBe(rate)
  })

  it('is read with a comma and blanks around', () => {
    expect(rateOf(' 3,75 ')).toBe('0.0375')
    expect(rateOf('007')).toBe('0.07')
  })

  it.each(['', 'x', '-1', '101', '100.0001', '1e1', '2 %', '0.00001', '1,', '٣'])('%j is none', (text) => {
    expect(rateOf(text)).toBeNull()
  })
})
