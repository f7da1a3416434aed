/** The card in other people's wallets: Apple's, Google's, and a bank's app that a member allows and disconnects. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type APIRequestContext, expect, type Page } from '@playwright/test'
import { DESK, enterCode, look, lookAround, memberAt, PHONE, signInMember, signInStaff, test } from './people'

const BANK = 'https://bank.example'
const GOOGLE = 'https://pay.google.com'

test('the card goes into Apple’s and Google’s wallets', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE, away: [GOOGLE] })
  await signInMember(phone, memberAt(22).email)
  const arriving = phone.waitForEvent('download')
  await phone.getByTestId('apple-wallet').click()
  const pass = readFileSync(await (await arriving).path())
  expect(pass.subarray(0, 2).toString(), 'an archive').toBe('PK')
  expect(pass.includes('pass.json') && pass.includes('signature')).toBe(true)
  await phone.getByTestId('google-wallet').click()
  await phone.waitForURL(/^https:\/\/pay\.google\.com\/gp\/v\/save\/[\w-]+\.[\w-]+\.[\w-]+$/)
  await phone.goBack()
  await phone.getByTestId('card-qr').waitFor()
  await phone.getByTestId('google-wallet').scrollIntoViewIfNeeded()
  await look(phone, 'member-wallets')
  // Google draws codes itself: it is a device of the card, and can be ended like any.
  await phone.getByTestId('settings').click()
  await phone.getByTestId('devices').click()
  await expect(phone.getByTestId('device')).toHaveCount(1)
})

interface App {
  id: string
  secret: string
}

/** An administrator registers the bank's app in the office. */
async function registered(office: Page): Promise<App> {
  await signInStaff(office, 'administrator')
  await office.getByTestId('nav-wallets').click()
  await office.getByTestId('app-register').click()
  await office.getByTestId('app-name').fill('Банк «Пример»')
  await office.getByTestId('app-uris').fill(`${BANK}/card\nhttp://bank.example/card`)
  await office.getByTestId('app-scope-balance').check()
  await office.getByTestId('app-create').click()
  await expect(office.getByRole('dialog')).toContainText('строка 2:')
  await lookAround(office, 'wallet-app-form')
  await office.getByTestId('app-uris').fill(`${BANK}/card`)
  await office.getByTestId('app-create').click()
  const app = {
    id: await office.getByTestId('app-client-id').innerText(),
    secret: await office.getByTestId('app-secret').innerText(),
  }
  expect(app.secret.length).toBeGreaterThanOrEqual(32)
  await look(office, 'wallet-app-secret')
  await office.getByTestId('app-understood').click()
  await expect(office.getByTestId('app-row').filter({ hasText: app.id })).toContainText('работает')
  return app
}

/** What the bank asks, and what it keeps until the code comes. */
function asking(app: App) {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.id,
    redirect_uri: `${BANK}/card`,
    scope: 'card balance',
    state: 's-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  return { path: `/v1/oauth/authorize?${query}`, verifier }
}

/** The bank takes the code for a token. */
async function exchanged(request: APIRequestContext, app: App, code: string, verifier: string): Promise<string> {
  const answer = await request.post(`${process.env.BROWSER_BASE}/v1/oauth/token`, {
    form: {
      grant_type: 'authorization_code',
      code,
      redirect_uri: `${BANK}/card`,
      code_verifier: verifier,
      client_id: app.id,
      client_secret: app.secret,
    },
  })
  expect(answer.status(), await answer.text()).toBe(200)
  return (await answer.json()).access_token
}

test('a bank’s app is registered, allowed by a member, disconnected, switched off', async ({ visit, request }) => {
  const office = await visit('/office', { viewport: DESK, refusals: [422] })
  const app = await registered(office)

  // From the bank: the member signs in where they are asked, reads what is wanted, and refuses.
  const first = asking(app)
  const phone = await visit(first.path, { viewport: PHONE, away: [BANK], refusals: [400, 401] })
  await expect(phone.getByRole('heading').first()).toContainText('Банк «Пример»')
  await enterCode(phone, memberAt(23).email)
  await expect(phone.getByTestId('consent-scopes').getByRole('listitem')).toHaveCount(2)
  await expect(phone.getByTestId('consent-scopes')).toContainText('Видеть баланс')
  await lookAround(phone, 'consent')
  await phone.getByTestId('refuse').click()
  await phone.waitForURL(`${BANK}/**`)
  const refused = new URL(phone.url()).searchParams
  expect([refused.get('error'), refused.get('state')]).toEqual(['access_denied', 's-1'])

  // Another time they allow it.
  const second = asking(app)
  await phone.goto(second.path)
  await phone.getByTestId('allow').click()
  await phone.waitForURL(`${BANK}/**`)
  const allowed = new URL(phone.url()).searchParams
  expect(allowed.get('state')).toBe('s-1')
  const token = await exchanged(request, app, allowed.get('code') ?? '', second.verifier)
  const balance = () =>
    request.get(`${process.env.BROWSER_BASE}/v1/me/balance`, { headers: { authorization: `Bearer ${token}` } })
  expect((await balance()).status()).toBe(200)

  await phone.goto('/')
  await phone.getByTestId('settings').click()
  await phone.getByTestId('apps').click()
  await expect(phone.getByTestId('app')).toContainText('Банк «Пример»')
  await look(phone, 'member-apps')
  await phone.getByTestId('app-disconnect').click()
  await expect(phone.getByTestId('app')).toHaveCount(0)
  expect((await balance()).status(), 'disconnected').toBe(401)

  // The office changes it, gives it another secret, and switches it off.
  await office.getByTestId('app-row').filter({ hasText: app.id }).click()
  await office.getByTestId('app-change').click()
  await office.getByTestId('app-name').fill('Банк «Другой»')
  await office.getByTestId('app-save').click()
  await expect(office.getByTestId('app-row').filter({ hasText: 'Банк «Другой»' })).toBeVisible()
  await office.getByTestId('app-renew').click()
  await office.getByTestId('app-renew-confirm').click()
  await expect(office.getByTestId('app-secret')).not.toHaveText(app.secret)
  await office.getByTestId('app-understood').click()
  await lookAround(office, 'wallet-apps')
  await office.getByTestId('app-turn-off').click()
  await look(office, 'wallet-app-off')
  await office.getByTestId('app-turn-off-confirm').click()
  await expect(office.getByTestId('app-row').filter({ hasText: 'Банк «Другой»' })).toContainText('отключено')
  await phone.goto(asking(app).path)
  await expect(phone.getByTestId('allow')).toHaveCount(0)
})
