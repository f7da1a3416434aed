import { describe, expect, it } from 'vitest'
import { dayAndTime, dayShort, daysAgo, instantOf, isoDay, localOf, setProgrammeZone } from './moment'

describe('dates', () => {
  it('are told in the programme’s zone', () => {
    setProgrammeZone('Europe/Moscow')
    expect(dayAndTime('2026-11-21T11:05:00Z', 'ru')).toBe('21 ноября 2026, 14:05')
    expect(dayAndTime('2026-11-21T21:30:00Z', 'en')).toBe('22 November 2026, 00:30')
    expect(isoDay(new Date('2026-11-21T21:30:00Z'))).toBe('2026-11-22')
  })

  it('belong to no zone without a time', () => {
    const now = new Date('2026-11-21T12:00:00Z')
    expect(dayShort('2026-12-31', 'ru', now)).toBe('31\u00a0декабря')
    expect(dayShort('2027-12-05', 'ru', now)).toBe('5\u00a0декабря 2027')
  })

  it('count days by the calendar, not by hours', () => {
    const now = new Date('2026-11-21T21:30:00Z')
    expect(daysAgo('2026-11-21T21:10:00Z', now)).toBe(0)
    expect(daysAgo('2026-11-21T20:50:00Z', now)).toBe(1)
  })

  it('are read back from a field', () => {
    expect(instantOf('2026-11-21T14:05')).toBe('2026-11-21T11:05:00.000Z')
    expect(instantOf('nonsense')).toBeUndefined()
  })

  it('stand in a field in the programme’s zone, whatever the browser’s', () => {
    const now = new Date('2026-11-21T21:05:59.9Z')
    for (const [zone, shown] of [
      ['Europe/Moscow', '2026-11-22T00:05'],
      ['Asia/Vladivostok', '2026-11-22T07:05'],
      ['Europe/Kaliningrad', '2026-11-21T23:05'],
    ] as const) {
      setProgrammeZone(zone)
      expect(localOf(now)).toBe(shown)
      expect(instantOf(shown)).toBe('2026-11-21T21:05:00.000Z')
    }
    setProgrammeZone('Europe/Moscow')
  })
})
