import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { drawCode, importSecret } from './code'

interface Case {
  alg: string
  digits: number
  unix_time: number
  totp: string
}

it('draws the codes of RFC 6238 with a key that cannot be taken out', async () => {
  const file = new URL('../../../../tests/data/vectors/rfc6238_totp.json', import.meta.url)
  const cases: Case[] = JSON.parse(readFileSync(file, 'utf8')).totp
  const ours = cases.filter(({ alg, digits }) => alg === 'sha1' && digits === 8)
  expect(ours).toHaveLength(6)
  const key = await importSecret(btoa('12345678901234567890').replace(/=+$/, ''))
  expect(key.extractable).toBe(false)
  await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow()
  for (const { unix_time, totp } of ours) {
    const code = await drawCode(key, '9643000000000004', unix_time * 1000)
    expect(code.value).toBe(`9643000000000004${totp}`)
    expect(Date.parse(code.valid_until) - Date.parse(code.valid_from)).toBe(30_000)
    expect(Date.parse(code.valid_from)).toBeLessThanOrEqual(unix_time * 1000)
  }
})
