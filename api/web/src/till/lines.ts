/** A receipt's lines as a cashier types them, and as the API takes them. */
import { decimal, isZero, kopecks, typedAmount } from '../ui/money'

export interface TypedLine {
  category: string
  quantity: string
  amount: string
}

export interface Line {
  sku?: string | null
  category?: string | null
  quantity?: string | null
  amount: string
}

export const EMPTY_LINE: TypedLine = { category: '', quantity: '', amount: '' }

/** "1,5" → "1.5"; `null` is no quantity. */
export function typedQuantity(text: string): string | null {
  const found = /^(\d{1,9})(?:[.,](\d{1,3}))?$/.exec(text.trim())
  if (!found) return null
  return found[2] ? `${found[1]}.${found[2]}` : (found[1] ?? null)
}

function isBlank({ category, quantity, amount }: TypedLine): boolean {
  return [category, quantity, amount].every((text) => text.trim() === '')
}

export interface ReadLines {
  lines: Line[]
  total: string
  /** Places of lines that can't be read. */
  wrong: number[]
}

/** Blank lines are left out; the rest must have an amount, and a quantity that is one if it is given. */
export function readLines(typed: TypedLine[]): ReadLines {
  const lines: Line[] = []
  const wrong: number[] = []
  for (const [place, line] of typed.entries()) {
    if (isBlank(line)) continue
    const amount = typedAmount(line.amount)
    const quantity = line.quantity.trim() === '' ? undefined : typedQuantity(line.quantity)
    if (!amount || isZero(amount) || quantity === null) {
      wrong.push(place)
      continue
    }
    const category = line.category.trim()
    lines.push({ ...(category ? { category } : {}), ...(quantity ? { quantity } : {}), amount })
  }
  return { lines, total: total(lines), wrong }
}

export function total(lines: { amount: string }[]): string {
  return decimal(lines.reduce((sum, { amount }) => sum + kopecks(amount), 0n))
}

/** A part of each line: how much of it is captured or goes back, as typed; blank is nothing of it. */
export function readParts(
  lines: Line[],
  most: string[],
  parts: string[],
): { lines: Line[]; total: string; wrong: number[] } {
  const taken: Line[] = []
  const wrong: number[] = []
  for (const [place, line] of lines.entries()) {
    const text = parts[place] ?? ''
    if (text.trim() === '') continue
    const amount = typedAmount(text)
    if (!amount || kopecks(amount) > kopecks(most[place] ?? '0.00')) {
      wrong.push(place)
      continue
    }
    if (isZero(amount)) continue
    const { sku, category, quantity } = line
    const whole = amount === line.amount
    taken.push({
      ...(sku ? { sku } : {}),
      ...(category ? { category } : {}),
      ...(whole && quantity ? { quantity } : {}),
      amount,
    })
  }
  return { lines: taken, total: total(taken), wrong }
}
