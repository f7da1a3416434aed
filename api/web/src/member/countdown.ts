/** How long a code lives, by the server's clock whatever the phone's says. */

/**
 * What to add to the device's clock to get the server's. The `Date` header has whole seconds: half a
 * second is the middle of what it can mean, and the answer is taken to be written half-way.
 */
export function clockOffset(dateHeader: string | null, asked: number, answered: number): number {
  const server = dateHeader ? Date.parse(dateHeader) : Number.NaN
  if (Number.isNaN(server)) return 0
  return server + 500 - (asked + answered) / 2
}

export interface Life {
  /** Whole seconds left, never below zero. */
  seconds: number
  /** What is left of the life, 1 to 0. */
  part: number
  over: boolean
}

export function lifeLeft(validFrom: string, validUntil: string, serverNow: number): Life {
  const until = Date.parse(validUntil)
  const whole = Math.max(1, until - Date.parse(validFrom))
  const left = Math.max(0, until - serverNow)
  return { seconds: Math.ceil(left / 1000), part: Math.min(1, left / whole), over: left === 0 }
}

/** "964301482093117694287082" → groups of four. */
export function groups(digits: string): string[] {
  return digits.match(/.{1,4}/g) ?? []
}
