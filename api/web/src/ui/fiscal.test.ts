import { expect, it } from 'vitest'
import { isFiscal } from './fiscal'

it('tells a fiscal receipt’s code from a shop’s own', () => {
  expect(isFiscal('t=20261121T1405&s=1250.00&fn=9960440300000001&i=42&fp=1234567890&n=1')).toBe(true)
  for (const other of ['4600682000013', 'https://shop.example/?s=1', '', 't=1&s=2']) {
    expect(isFiscal(other), other).toBe(false)
  }
})
