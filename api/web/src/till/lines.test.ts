import { describe, expect, it } from 'vitest'
import { readLines, readParts, typedQuantity } from './lines'

describe('lines', () => {
  it('add up to the amount, blank ones left out', () => {
    const read = readLines([
      { category: 'food', quantity: '1,5', amount: '600' },
      { category: '', quantity: '', amount: '' },
      { category: ' ', quantity: '', amount: '400,10' },
    ])
    expect(read).toEqual({
      lines: [{ category: 'food', quantity: '1.5', amount: '600.00' }, { amount: '400.10' }],
      total: '1000.10',
      wrong: [],
    })
  })

  it('name the place of what cannot be read', () => {
    const read = readLines([
      { category: 'food', quantity: '', amount: '' },
      { category: '', quantity: '1.2345', amount: '1' },
      { category: '', quantity: '', amount: '0' },
    ])
    expect(read.wrong).toEqual([0, 1, 2])
  })

  it('take quantities as people type them', () => {
    expect(['2', '2,5', '2.125', '', '-1', '1e3', '2,', 'x'].map(typedQuantity)).toEqual([
      '2',
      '2.5',
      '2.125',
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it('go back in part, never more than is left', () => {
    const lines = [
      { sku: 'A', category: 'food', quantity: '2', amount: '600.00' },
      { category: 'tea', amount: '400.00' },
    ]
    expect(readParts(lines, ['600.00', '400.00'], ['600', '100,50'])).toEqual({
      lines: [
        { sku: 'A', category: 'food', quantity: '2', amount: '600.00' },
        { category: 'tea', amount: '100.50' },
      ],
      total: '700.50',
      wrong: [],
    })
    expect(readParts(lines, ['100.00', '400.00'], ['100,01', 'x']).wrong).toEqual([0, 1])
    expect(readParts(lines, ['600.00', '400.00'], ['', '0'])).toEqual({ lines: [], total: '0.00', wrong: [] })
  })
})
