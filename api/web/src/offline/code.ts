/** The live code drawn by the page itself: 16 digits of the number, 8 of a TOTP (RFC 6238, SHA-1, 30 s). */
import type { Code } from '../api/types'

const STEP_MS = 30_000
const MODULUS = 100_000_000

/** The secret as a key that draws and can never be read again. */
export function importSecret(secret: string): Promise<CryptoKey> {
  const bytes = Uint8Array.from(atob(secret.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
    char.charCodeAt(0),
  )
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign'])
}

/** The code of a moment by the server's clock. */
export async function drawCode(key: CryptoKey, number: string, serverNow: number): Promise<Code> {
  const step = Math.floor(serverNow / STEP_MS)
  const message = new DataView(new ArrayBuffer(8))
  message.setBigUint64(0, BigInt(step))
  const hash = new DataView(await crypto.subtle.sign('HMAC', key, message.buffer))
  // RFC 4226 §5.3: the last four bits choose which four bytes are the number.
  const offset = hash.getUint8(hash.byteLength - 1) & 0x0f
  const digits = (hash.getUint32(offset) & 0x7fff_ffff) % MODULUS
  return {
    value: number + String(digits).padStart(8, '0'),
    valid_from: new Date(step * STEP_MS).toISOString(),
    valid_until: new Date((step + 1) * STEP_MS).toISOString(),
  }
}
