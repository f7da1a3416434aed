/** The string in a fiscal receipt's QR. */

/** Whether a code looks like a fiscal receipt's, so that a shop's own codes beside it are passed over. */
export function isFiscal(code: string): boolean {
  const names = new Set(code.split('&').map((part) => part.split('=')[0]))
  return ['t', 's', 'fn', 'i', 'fp'].every((name) => names.has(name))
}
