/** What a scanner, a camera or a cashier puts into the code field, and what it means. */

import { PROOF_DIGITS } from '../offline/proof'

/** Longest number of an older system. */
const ALIAS_CHARS_MAX = 32

export type Reading =
  | { kind: 'code'; value: string }
  | { kind: 'card'; value: string }
  | { kind: 'proof'; value: string }

const CARD_DIGITS = 16
const EAN_DIGITS = 13

/**
 * Takes the first line only: scanners add their own Enter and sometimes more. A magnetic stripe's second
 * track (`;9643…=…?`, or `ж9643…=…,` from a Russian layout) is its number. Blanks and dashes of any kind
 * between digits are dropped. Sixteen digits are a card's number, so are an EAN-13 and what has letters in it (an
 * older system's); 192 are a proof; everything else is asked as a code, and the server says what is wrong with it. `undefined`: nothing was entered.
 */
export function readCode(text: string): Reading | undefined {
  const line = text.replace(/^[\r\n]+/, '').split(/[\r\n]/, 1)[0] ?? ''
  const track = /^\s*[;жЖ](\d{12,19})=/.exec(line)
  const bare = (track?.[1] ?? line).replace(/[\s\u00a0\u202f\u2007\p{Pd}\u2212]/gu, '')
  if (bare === '') return undefined
  if (!/^\d+$/.test(bare)) {
    const alias = line.trim()
    const older = alias.length <= ALIAS_CHARS_MAX && /[\p{L}]/u.test(alias) && !/[:/]/.test(alias)
    return older ? { kind: 'card', value: alias } : { kind: 'code', value: bare }
  }
  if (bare.length === PROOF_DIGITS) return { kind: 'proof', value: bare }
  if (bare.length === CARD_DIGITS || bare.length === EAN_DIGITS) return { kind: 'card', value: bare }
  return { kind: 'code', value: bare }
}

/** "9643 0148 2093 1176 ···· ····": the live digits are nobody's business once they were read. */
export function shown({ kind, value }: Reading): string {
  if (!/^\d+$/.test(value)) return value
  if (kind === 'proof') return `${value.slice(0, 16)} ···· ${value.slice(-4)}`
  const number = value.slice(0, CARD_DIGITS).match(/.{1,4}/g) ?? []
  return [...number, ...(kind === 'code' && value.length > CARD_DIGITS ? ['····', '····'] : [])].join(' ')
}

/** The receipt that probably comes next: its last run of digits, one higher. */
export function nextReceipt(last: string | undefined): string {
  const found = last === undefined ? null : /^(.*?)(\d+)(\D*)$/.exec(last)
  if (!found) return ''
  const digits = found[2] ?? ''
  const next = String(BigInt(digits) + 1n).padStart(digits.length, '0')
  return `${found[1] ?? ''}${next}${found[3] ?? ''}`
}
