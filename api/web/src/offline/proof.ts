/** Proofs of tills without network: read, checked with the published keys, held against the revoked cards. */

export const PROOF_DIGITS = 192
const GROUP_DIGITS = 32
const GROUP_BYTES = 13
const BODY_BYTES = 14
const CONTEXT = 'unioncard proof 1\0'
const REVOKED_CONTEXT = 'unioncard revocation 1\0'
/** How far this till's clock may be behind the server's. */
const AHEAD_MAX_MS = 5 * 60_000

export interface Jwk {
  kid: string
  x: string
  kty: string
  crv: string
}

export interface Proof {
  /** The card's 16 digits. */
  number: string
  kid: string
  issuedAt: number
  validUntil: number
  body: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

/** Reads the 192 digits; `undefined` for what is no proof at all. */
export function readProof(text: string): Proof | undefined {
  const bytes = bytesOf(text.replace(/\D/g, ''))
  if (!bytes) return undefined
  const view = new DataView(bytes.buffer)
  const account = view.getUint8(2) * 2 ** 32 + view.getUint32(3)
  const issuedAt = view.getUint32(7) * 1000
  if (view.getUint8(0) !== 1 || view.getUint8(13) !== 1 || account >= 1e11) return undefined
  return {
    number: withCheckDigit(`9643${String(account).padStart(11, '0')}`),
    kid: `proof-${String(view.getUint8(1)).padStart(3, '0')}`,
    issuedAt,
    validUntil: issuedAt + view.getUint16(11) * 60_000,
    body: bytes.slice(0, BODY_BYTES),
    signature: bytes.slice(BODY_BYTES),
  }
}

function bytesOf(digits: string): Uint8Array<ArrayBuffer> | undefined {
  if (digits.length !== PROOF_DIGITS) return undefined
  const bytes: number[] = []
  for (let at = 0; at < PROOF_DIGITS; at += GROUP_DIGITS) {
    const value = BigInt(digits.slice(at, at + GROUP_DIGITS))
    if (value >> BigInt(8 * GROUP_BYTES)) return undefined
    for (let byte = GROUP_BYTES - 1; byte >= 0; byte--) bytes.push(Number((value >> BigInt(8 * byte)) & 255n))
  }
  return Uint8Array.from(bytes)
}

/** Appends the Luhn digit. */
function withCheckDigit(body: string): string {
  const sum = [...body].toReversed().reduce((total, digit, place) => {
    const value = Number(digit)
    const counted = place % 2 === 0 ? (value > 4 ? value * 2 - 9 : value * 2) : value
    return total + counted
  }, 0)
  return body + String((10 - (sum % 10)) % 10)
}

export type Refusal = 'forged' | 'unknown-key' | 'expired' | 'revoked'

/** Why a proof isn't good now; `undefined` when it is. */
export async function refusalOf(
  proof: Proof,
  { keys, revoked }: { keys: Jwk[]; revoked: ReadonlySet<string> },
  now: number,
): Promise<Refusal | undefined> {
  const jwk = keys.find(({ kid }) => kid === proof.kid)
  if (!jwk) return 'unknown-key'
  const { kty, crv, x } = jwk
  const key = await crypto.subtle.importKey('jwk', { kty, crv, x }, 'Ed25519', false, ['verify'])
  const context = new TextEncoder().encode(CONTEXT)
  const message = new Uint8Array([...context, ...proof.body])
  if (!(await crypto.subtle.verify('Ed25519', key, proof.signature, message))) return 'forged'
  if (now >= proof.validUntil || now < proof.issuedAt - AHEAD_MAX_MS) return 'expired'
  return revoked.has(await revocationOf(proof.number)) ? 'revoked' : undefined
}

/** How the feed of revoked cards names a card. */
export async function revocationOf(number: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(REVOKED_CONTEXT + number))
  const text = String.fromCharCode(...new Uint8Array(hash).slice(0, 12))
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_')
}
