/** Rates as the API writes them ("0.02", a share of 1) and as people type them ("2", percent). Digits are moved, never reckoned with. */

/** "0.02" → "2", "0.0375" → "3.75". */
export function percentOf(rate: string): string {
  const [whole = '0', part = ''] = rate.split('.')
  const digits = part.padEnd(2, '0')
  const moved = `${whole}${digits.slice(0, 2)}`.replace(/^0+(?=\d)/, '')
  const rest = digits.slice(2).replace(/0+$/, '')
  return rest ? `${moved}.${rest}` : moved
}

/** "3,75" → "0.0375"; `null` for what is no percentage from 0 to 100 with at most four decimals. */
export function rateOf(percent: string): string | null {
  const found = /^(\d{1,3})(?:[.,](\d{1,4}))?$/.exec(percent.trim())
  if (!found) return null
  const digits = (found[1] ?? '').padStart(3, '0')
  const rate = `${digits[0]}.${digits.slice(1)}${found[2] ?? ''}`
  return Number(rate) > 1 ? null : rate.replace(/\.?0+$/, '') || '0'
}
