/** Money as the API writes it ("1437.83") and as people read it. Whole kopecks in between, never a float. */

const THIN = '\u202f' // narrow no-break space
const MINUS = '\u2212'

/** Kopecks of a decimal string; throws on anything that isn't one. */
export function kopecks(amount: string): bigint {
  const found = /^([-+\u2212]?)(\d+)(?:\.(\d{1,2}))?$/.exec(amount)
  if (!found) throw new TypeError(`not an amount: ${amount}`)
  const size = BigInt(found[2] ?? '0') * 100n + BigInt((found[3] ?? '').padEnd(2, '0'))
  return found[1] === '-' || found[1] === MINUS ? -size : size
}

/** The API's way of writing an amount. */
export function decimal(value: bigint): string {
  const size = value < 0n ? -value : value
  return `${value < 0n ? '-' : ''}${size / 100n}.${String(size % 100n).padStart(2, '0')}`
}

export function minus(a: string, b: string): string {
  return decimal(kopecks(a) - kopecks(b))
}

export function isZero(amount: string): boolean {
  return kopecks(amount) === 0n
}

export function isNegative(amount: string): boolean {
  return kopecks(amount) < 0n
}

/** "1437.83" → "1 437,83" in Russian, "1,437.83" in English. */
export function figure(amount: string, language: string, signed = false): string {
  const value = kopecks(amount)
  const size = value < 0n ? -value : value
  const russian = language.startsWith('ru')
  const whole = String(size / 100n).replace(/\B(?=(\d{3})+$)/g, russian ? THIN : ',')
  const sign = value < 0n ? MINUS : signed && value > 0n ? '+' : ''
  return `${sign}${whole}${russian ? ',' : '.'}${String(size % 100n).padStart(2, '0')}`
}

/** "1437.83" → "1 437,83 ₽", the sign never parted from its figure. */
export function rubles(amount: string, language: string, signed = false): string {
  return `${figure(amount, language, signed)}\u00a0₽`
}

/** "0.02" → "2 %". */
export function share(rate: string, language: string): string {
  const [whole = '0', part = ''] = rate.split('.')
  const digits = `${whole}${part.padEnd(2, '0')}`
  const cut = whole.length + 2
  const percent = `${digits.slice(0, cut).replace(/^0+(?=\d)/, '')}.${digits.slice(cut)}`.replace(
    /\.?0*$/,
    '',
  )
  return language.startsWith('ru') ? `${percent.replace('.', ',')}\u00a0%` : `${percent}%`
}

/** A count with its thousands apart. */
export function count(value: number, language: string): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, language.startsWith('ru') ? THIN : ',')
}

/**
 * What a person typed in an amount field, as the API wants it: blanks between thousands and a comma are
 * taken, everything else is refused. `null` is "not an amount".
 */
export function typedAmount(text: string): string | null {
  const bare = text.replace(/[\s\u00a0\u202f]/g, '').replace(',', '.')
  const found = /^(\d{1,8})(?:\.(\d{0,2}))?$/.exec(bare)
  if (!found) return null
  const whole = (found[1] ?? '').replace(/^0+(?=\d)/, '')
  return `${whole}.${(found[2] ?? '').padEnd(2, '0')}`
}
