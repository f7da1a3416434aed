import { describe, expect, it } from 'vitest'
import { count, decimal, figure, kopecks, minus, rubles, share, typedAmount } from './money'

describe('money', () => {
  it('reads and writes decimal strings without loss', () => {
    for (const amount of ['0.00', '0.01', '1437.83', '-200.00', '90071992547409931.99']) {
      expect(decimal(kopecks(amount))).toBe(amount)
    }
    expect(() => kopecks('1e2')).toThrow()
    expect(() => kopecks('1,50')).toThrow()
    expect(minus('0.30', '0.31')).toBe('-0.01')
  })

  it('is written as each language writes it', () => {
    expect(rubles('1437.83', 'ru')).toBe('1\u202f437,83\u00a0₽')
    expect(rubles('1234567.00', 'en')).toBe('1,234,567.00\u00a0₽')
    expect(figure('-200.00', 'ru')).toBe('\u2212200,00')
    expect(figure('52.50', 'ru', true)).toBe('+52,50')
    expect(figure('0.00', 'ru', true)).toBe('0,00')
    expect(count(38204, 'ru')).toBe('38\u202f204')
  })

  it('writes rates as percents', () => {
    expect(share('0.02', 'ru')).toBe('2\u00a0%')
    expect(share('0.5', 'en')).toBe('50%')
    expect(share('0.015', 'ru')).toBe('1,5\u00a0%')
    expect(share('1', 'en')).toBe('100%')
    expect(share('0.000000', 'en')).toBe('0%')
  })

  it('takes what cashiers type, and nothing else', () => {
    expect(typedAmount('1050')).toBe('1050.00')
    expect(typedAmount('1050,5')).toBe('1050.50')
    expect(typedAmount('1\u202f050,00')).toBe('1050.00')
    expect(typedAmount('007.10')).toBe('7.10')
    for (const wrong of ['', '-1', '+5', '1e2', '1,505', '1.0.0', 'abc', '٣', '1_000', ',50']) {
      expect(typedAmount(wrong)).toBeNull()
    }
  })
})
