/** A stand-in for Google on the loopback: gives a token to whoever signs in and takes every class and object. */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

interface Google {
  /** The settings of a program that puts cards here. */
  settings: Record<string, string>
  close: () => void
}

/** Starts it; the service account's key is left in the folder. */
export async function google(folder: string): Promise<Google> {
  const server = createServer((request, answer) => {
    request.resume().on('end', () => {
      answer.setHeader('content-type', 'application/json')
      answer.end(request.url === '/token' ? '{"access_token":"t","expires_in":3600}' : '{}')
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const key = join(folder, 'google.json')
  const account = {
    client_email: 'card@unioncard.iam.gserviceaccount.com',
    private_key: privateKey,
    private_key_id: 'key-1',
    token_uri: `${address}/token`,
  }
  writeFileSync(key, JSON.stringify(account), { mode: 0o600 })
  const settings = {
    GOOGLE_ISSUER: '3388000000012345678',
    GOOGLE_KEY: key,
    GOOGLE_URL: `${address}/walletobjects/v1`,
  }
  return { settings, close: () => server.close() }
}
