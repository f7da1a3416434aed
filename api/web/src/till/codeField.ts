/** What a scanner, a camera or a cashier puts into the code field, and what it means. */

import { PROOF_DIGITS, readProof } from '../offline/proof'

/** Longest number of an older system. */
const ALIAS_CHARS_MAX = 32

export type Reading =
  | { kind: 'code'; value: string }
  | { kind: 'card'; value: string }
  | { kind: 'proof'; value: string }

const CARD_DIGITS = 16
/** A card's number, and the EAN-13 made of it. */
const OUR_NUMBER = /^(?:9643\d{12}|2\d{12})$/
const CODE_DIGITS = 24

/**
 * Takes the first line only: scanners add their own Enter and sometimes more. A magnetic stripe's first track
 * (`%B9643…^…?`, or `%И9643…:…,` from a Russian layout) and its second (`;9643…=…?`, or `ж9643…=…,`) are its number.
 * Blanks and dashes of any kind
 * between digits are dropped for 24 digits, which are a live code, for 192, which are a proof, and for our own numbers
 * of 16 and 13. Anything else of up to 32 characters is asked as it stands, as a card's number: older systems
 * had numbers of all kinds, `12345678` and `№ 77/5` among them. What is longer is asked as a code, and the server says
 * what is wrong with it. `undefined`: nothing was entered.
 */
export function readCode(text: string): Reading | undefined {
  const first = text.replace(/^[\r\n]+/, '').split(/[\r\n]/, 1)[0] ?? ''
  const stripe = /^\s*(?:%\p{L}(?<one>\d{12,19})[\^:]|[;жЖ](?<two>\d{12,19})=)/u.exec(first)?.groups
  const line = (stripe?.one ?? stripe?.two ?? first).trim()
  const bare = line.replace(/[\s\u00a0\u202f\u2007\p{Pd}\u2212]/gu, '')
  if (bare === '') return undefined
  if (/^\d+$/.test(bare)) {
    if (bare.length === PROOF_DIGITS) return { kind: 'proof', value: bare }
    if (bare.length === CODE_DIGITS) return { kind: 'code', value: bare }
    if (OUR_NUMBER.test(bare)) return { kind: 'card', value: bare }
  }
  return [...line].length <= ALIAS_CHARS_MAX ? { kind: 'card', value: line } : { kind: 'code', value: bare }
}

/**
 * The number of a card that was scanned where a number is looked for: of a live code its card's, of a magnetic stripe the
 * stripe's, of anything else itself.
 */
export function cardShown(text: string): string {
  const reading = readCode(text)
  if (!reading) return ''
  const { kind, value } = reading
  if (kind === 'proof') return readProof(value)?.number ?? value
  return kind === 'code' && /^\d{24}$/.test(value) ? value.slice(0, CARD_DIGITS) : value
}

/** "9643 0148 2093 1176 ···· ····": the live digits are nobody's business once they were read. */
export function shown({ kind, value }: Reading): string {
  if (!/^\d+$/.test(value)) return value
  if (kind === 'proof') return `${value.slice(0, 16)} ···· ${value.slice(-4)}`
  if (kind === 'card' && value.length !== CARD_DIGITS) return value
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
