import { expect, it } from 'vitest'
import { type Jwk, readProof, refusalOf, revocationOf } from './proof'

const ISSUED = Math.floor(Date.parse('2026-11-22T09:30:15Z') / 1000)

/** A union of its own: makes proofs as the server does. */
async function union(): Promise<{ jwk: Jwk; prove: (account: number, minutes: number) => Promise<string> }> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair
  const jwk = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid: 'proof-003' } as Jwk
  return {
    jwk,
    prove: async (account, minutes) => {
      const body = new DataView(new ArrayBuffer(14))
      body.setUint8(0, 1)
      body.setUint8(1, 3)
      body.setUint8(2, Math.floor(account / 2 ** 32))
      body.setUint32(3, account % 2 ** 32)
      body.setUint32(7, ISSUED)
      body.setUint16(11, minutes)
      body.setUint8(13, 1)
      const message = new Uint8Array([
        ...new TextEncoder().encode('unioncard proof 1\0'),
        ...new Uint8Array(body.buffer),
      ])
      const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, message)
      const bytes = [...new Uint8Array(body.buffer), ...new Uint8Array(signature)]
      let digits = ''
      for (let at = 0; at < 78; at += 13) {
        const value = bytes.slice(at, at + 13).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
        digits += String(value).padStart(32, '0')
      }
      return digits
    },
  }
}

it('takes what the published key signed, while it lasts and nothing revokes it', async () => {
  const { jwk, prove } = await union()
  const text = await prove(1_000_000_000, 60)
  const proof = readProof(text)
  if (!proof) throw new Error('not read')
  expect(proof.number).toMatch(/^964301000000000\d$/)
  const now = ISSUED * 1000 + 1_000
  const known = { keys: [jwk], revoked: new Set<string>() }
  expect(await refusalOf(proof, known, now)).toBeUndefined()
  expect(await refusalOf(proof, known, now + 60 * 60_000)).toBe('expired')
  expect(await refusalOf(proof, known, now - 10 * 60_000)).toBe('expired')
  expect(await refusalOf(proof, { ...known, keys: [] }, now)).toBe('unknown-key')
  const revoked = new Set([await revocationOf(proof.number)])
  expect(await refusalOf(proof, { ...known, revoked }, now)).toBe('revoked')
  const other = await union()
  expect(await refusalOf(proof, { ...known, keys: [other.jwk] }, now)).toBe('forged')
})

it('reads nothing else', async () => {
  const { prove } = await union()
  const text = await prove(1_000_000_000, 60)
  expect(readProof(text.match(/.{1,4}/g)?.join(' ') ?? '')?.number).toBe(readProof(text)?.number)
  for (const wrong of ['', '9643000000000004', text.slice(1), `${text}0`, '9'.repeat(192)]) {
    expect(readProof(wrong)).toBeUndefined()
  }
})
