import { describe, expect, it } from 'vitest'
import { clockOffset, groups, lifeLeft } from './countdown'
import { QUIET, qrPath } from './qr'
import { EventReader } from './sse'

describe('the life of a code', () => {
  const from = '2026-11-21T11:05:00Z'
  const until = '2026-11-21T11:05:30Z'

  it('counts down by the server’s clock', () => {
    const start = Date.parse(from)
    expect(lifeLeft(from, until, start)).toEqual({ seconds: 30, part: 1, over: false })
    expect(lifeLeft(from, until, start + 15_500)).toMatchObject({ seconds: 15, over: false })
    expect(lifeLeft(from, until, start + 30_000)).toEqual({ seconds: 0, part: 0, over: true })
    expect(lifeLeft(from, until, start - 5_000).part).toBe(1)
  })

  it('forgives a phone whose clock is off', () => {
    const phone = Date.parse('2026-11-21T14:00:00Z')
    const offset = clockOffset('Sat, 21 Nov 2026 11:05:10 GMT', phone, phone + 200)
    expect(phone + 100 + offset).toBe(Date.parse('2026-11-21T11:05:10.500Z'))
    expect(clockOffset(null, phone, phone)).toBe(0)
  })
})

describe('the picture of a code', () => {
  it('fits the smallest QR and keeps its quiet zone', () => {
    const { side, path } = qrPath('964301482093117694287082')
    expect(side).toBe(21 + 2 * QUIET)
    const starts = [...path.matchAll(/M(\d+) (\d+)h(\d+)/g)].map((found) => found.slice(1).map(Number))
    for (const [x = 0, y = 0, length = 0] of starts) {
      expect(x).toBeGreaterThanOrEqual(QUIET)
      expect(y).toBeGreaterThanOrEqual(QUIET)
      expect(x + length).toBeLessThanOrEqual(side - QUIET)
      expect(y).toBeLessThan(side - QUIET)
    }
  })

  it('has its digits in fours', () => {
    expect(groups('964301482093117694287082').join(' ')).toBe('9643 0148 2093 1176 9428 7082')
  })
})

describe('the stream of changes', () => {
  it('is read in pieces of any size', () => {
    const text = ': beat\n\nevent: operations\r\ndata: {"purchase_id":"1"}\r\n\r\ndata: plain\n\nevent: cut'
    for (const size of [1, 2, 7, text.length]) {
      const reader = new EventReader()
      const events = []
      for (let at = 0; at < text.length; at += size) events.push(...reader.push(text.slice(at, at + size)))
      expect(events).toEqual([
        { event: 'operations', data: '{"purchase_id":"1"}' },
        { event: 'message', data: 'plain' },
      ])
    }
  })
})
