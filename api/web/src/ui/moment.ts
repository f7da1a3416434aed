/** Dates and times in the programme's zone, in the words of the reader's language. */

let zone = 'Europe/Moscow'

/** The zone of the programme, once the server has told it. */
export function setProgrammeZone(name: string): void {
  zone = name
}

export function programmeZone(): string {
  return zone
}

type Shape = Intl.DateTimeFormatOptions
const DAY: Shape = { day: 'numeric', month: 'long', year: 'numeric' }
const CLOCK: Shape = { hour: '2-digit', minute: '2-digit' }

/** One spelling of the same options is built once: a table of a thousand rows asks for it a thousand times. */
const known = new Map<string, Intl.DateTimeFormat>()

function shaped(language: string, timeZone: string, options: Shape): Intl.DateTimeFormat {
  const name = `${language}|${timeZone}|${Object.entries(options).join()}`
  let format = known.get(name)
  if (!format) {
    format = new Intl.DateTimeFormat(language.startsWith('ru') ? 'ru-RU' : 'en-GB', { timeZone, ...options })
    known.set(name, format)
  }
  return format
}

/** A date without time ("2026-12-05") belongs to no zone; an instant belongs to the programme's. */
function place(moment: string): [Date, string] {
  return /^\d{4}-\d\d-\d\d$/.test(moment)
    ? [new Date(`${moment}T00:00:00Z`), 'UTC']
    : [new Date(moment), zone]
}

/** "21 ноября 2026" */
export function day(moment: string, language: string): string {
  const [date, where] = place(moment)
  return shaped(language, where, DAY)
    .format(date)
    .replace(/\s*г\.$/, '')
}

/** "5 декабря", with the year when it isn't this one; the day is never parted from its month. */
export function dayShort(moment: string, language: string, now = new Date()): string {
  const [date, where] = place(moment)
  const year: Shape = { year: 'numeric' }
  const same = shaped('en', where, year).format(date) === shaped('en', zone, year).format(now)
  if (!same) return day(moment, language).replace(/^(\d+) /, '$1\u00a0')
  return shaped(language, where, { day: 'numeric', month: 'long' })
    .format(date)
    .replace(/^(\d+) /, '$1\u00a0')
}

/** "14:05" */
export function clock(moment: string, language: string): string {
  return shaped(language, zone, CLOCK).format(new Date(moment))
}

/** "21 ноября 2026, 14:05" */
export function dayAndTime(moment: string, language: string): string {
  return `${day(moment, language)}, ${clock(moment, language)}`
}

/** "21.11.2026 14:05": for dense tables. */
export function stamp(moment: string, language: string): string {
  const date = shaped(language, zone, { day: '2-digit', month: '2-digit', year: 'numeric' })
  return `${date.format(new Date(moment))} ${clock(moment, language)}`
}

/** "21.11.2026": for dense tables. */
export function dayStamp(moment: string, language: string): string {
  const [date, where] = place(moment)
  return shaped(language, where, { day: '2-digit', month: '2-digit', year: 'numeric' }).format(date)
}

/** "2026-11-21": the programme's day of an instant. */
export function isoDay(date: Date): string {
  return shaped('en', zone, { day: '2-digit', month: '2-digit', year: 'numeric' })
    .format(date)
    .split('/')
    .reverse()
    .join('-')
}

/** How many days ago by the programme's calendar: 0 is today, 1 yesterday. */
export function daysAgo(moment: string, now = new Date()): number {
  return Math.round((Date.parse(isoDay(now)) - Date.parse(isoDay(new Date(moment)))) / 86_400_000)
}

/** An instant as a `datetime-local` field shows it, in the programme's zone: "2026-11-21T14:05". */
export function localOf(date: Date): string {
  const minute = Math.floor(date.getTime() / 60_000) * 60_000
  return new Date(minute + offsetAt(minute)).toISOString().slice(0, 16)
}

/** What a `datetime-local` field holds, read in the programme's zone: "2026-11-21T14:05" → an instant. */
export function instantOf(local: string): string | undefined {
  const naive = Date.parse(`${local}Z`)
  if (Number.isNaN(naive)) return undefined
  // The offset at that wall time: found twice, so that the hour of a clock change comes out right.
  const first = naive - offsetAt(naive)
  return new Date(naive - offsetAt(first)).toISOString()
}

function offsetAt(instant: number): number {
  const options: Shape = {
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }
  const parts = shaped('en', zone, options).formatToParts(new Date(instant))
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '00'
  const wall = Date.parse(
    `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}Z`,
  )
  return wall - Math.floor(instant / 1000) * 1000
}
