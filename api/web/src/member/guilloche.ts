/** The fine lines of the card's face, as on certificates: rings of ellipses; and the colours under them. */
import type { Holder } from '../offline/device'

export interface Ring {
  cx: number
  cy: number
  rx: number
  ry: number
  turn: number
}

/** `count` ellipses around a centre, each moved `reach` outwards and turned with its place: a ring with a hole. */
export function ring(cx: number, cy: number, reach: number, rx: number, ry: number, count: number): Ring[] {
  return Array.from({ length: count }, (_, n) => {
    const turn = (360 / count) * n
    const angle = (turn * Math.PI) / 180
    return { cx: cx + reach * Math.cos(angle), cy: cy + reach * Math.sin(angle), rx, ry, turn }
  }).map((one) => ({ ...one, cx: round(one.cx), cy: round(one.cy), turn: round(one.turn) }))
}

/** A band of interlaced waves across the card, as one path. */
export function waves(width: number, y: number, height: number, lines: number): string {
  const step = 8
  return Array.from({ length: lines }, (_, line) => {
    const shift = (Math.PI * 2 * line) / lines
    const points = Array.from({ length: Math.ceil(width / step) + 1 }, (_, n) => {
      const x = n * step
      const swell = Math.sin((x / width) * Math.PI)
      return `${x} ${round(y + Math.sin(x / 26 + shift) * height * (0.35 + 0.65 * swell))}`
    })
    return `M${points.join('L')}`
  }).join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

const PAIRS = [
  ['#1d4272', '#0a1732'],
  ['#1d5a5c', '#082429'],
  ['#5b2a45', '#220b1c'],
  ['#3a3478', '#120f33'],
  ['#6a3424', '#260d08'],
  ['#24573a', '#082115'],
  ['#4a3d17', '#1a1405'],
  ['#34465c', '#0e1722'],
] as const

/** The colours of a union's cards: always the same for the same code. */
export function facePair(code: string): readonly [string, string] {
  const sum = [...code].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0)
  return PAIRS[sum % PAIRS.length] ?? PAIRS[0]
}

/** The colours of a card's face, as its style: those of the organisation's design, or else the union's pair. */
export function faceColours({ design, union }: Holder): Record<`--face-${string}`, string> {
  if (design) return { '--face-from': design.base, '--face-to': design.accent, '--face-ink': design.ink }
  const [from, to] = facePair(union.code)
  return { '--face-from': from, '--face-to': to, '--face-ink': '#ffffff' }
}
