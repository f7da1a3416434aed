/** A QR as one path of whole modules, with its full quiet zone of four. */
import { encode } from 'uqr'

export const QUIET = 4

export interface QrPath {
  /** Side in modules, the quiet zone on both sides included. */
  side: number
  path: string
}

export function qrPath(value: string): QrPath {
  const { data, size } = encode(value, { ecc: 'M', boostEcc: true, border: 0 })
  const path = data.flatMap((row, y) =>
    runs(row).map(([x, length]) => `M${x + QUIET} ${y + QUIET}h${length}v1h-${length}z`),
  )
  return { side: size + 2 * QUIET, path: path.join('') }
}

/** The dark stretches of a row: where each starts and how long it is. */
function runs(row: boolean[]): [number, number][] {
  const found: [number, number][] = []
  let start = -1
  row.forEach((dark, x) => {
    if (dark && start < 0) start = x
    if (!dark && start >= 0) {
      found.push([start, x - start])
      start = -1
    }
  })
  if (start >= 0) found.push([start, row.length - start])
  return found
}
