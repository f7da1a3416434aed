/** Without network: a phone draws codes by itself, also after a restart and with its clock off; a till checks proofs and sends later. */
import { expect, type Page } from '@playwright/test'
import { keptBy, keptProofs, proofOf, qrOf, seenIn } from './kept'
import { look, memberAt, openCard, partnerProgram, PHONE, signInCashier, signInMember, signInStaff, test } from './people'

const PHONE_MINUTES_AHEAD = 10

/** What the server says of a code. */
async function asked(page: Page, body: object) {
  const market = await partnerProgram(page.request, 'market')
  const answer = await market.post('/v1/cards/resolve', body)
  return { status: answer.status(), body: await answer.json() }
}

test('a phone draws its code with the network cut, after a restart and with its clock off', async ({ visit }, story) => {
  const device = { viewport: PHONE, deviceScaleFactor: 2, cut: true, profile: story.outputPath('phone') }
  const ahead = { ...device, clockAheadMinutes: PHONE_MINUTES_AHEAD }
  let phone = await visit('/', { ...ahead, refusals: [401, 404] })
  await signInMember(phone, memberAt(8).email)
  await expect(phone.getByTestId('clock-note')).toContainText(/спешат на (9|10|11) мин/)
  await phone.getByTestId('work-offline').click()
  await expect(phone.getByTestId('works-offline')).toBeVisible()
  const stored = await phone.evaluate(
    () =>
      new Promise<string[]>((done) => {
        const opening = indexedDB.open('unioncard')
        opening.onsuccess = () => {
          const getting = opening.result.transaction('devices').objectStore('devices').getAll()
          getting.onsuccess = async () => {
            const [{ key }] = getting.result
            const exported = await crypto.subtle.exportKey('raw', key).then(
              () => 'exported',
              () => 'refused',
            )
            done([String(key.extractable), exported])
          }
        }
      }),
  )
  expect(stored).toEqual(['false', 'refused'])
  await keptBy(phone)
  await look(phone, 'member-works-offline')

  // Switched off, and on again where there is no network.
  await phone.context().close()
  phone = await visit('/', { ...ahead, offline: true })
  await expect(phone.getByTestId('kept-card')).toHaveAttribute('data-why', 'offline')
  const code = await qrOf(phone, 'card-qr')
  expect(code).toMatch(/^9643\d{20}$/)
  const taken = await asked(phone, { code })
  expect(taken.status, 'the code drawn without network').toBe(200)
  expect(taken.body).toMatchObject({ status: 'valid', may_redeem: true })
  const again = await partnerProgram(phone.request, 'books')
  expect((await again.post('/v1/cards/resolve', { code })).status(), 'a screenshot of a used code').toBe(409)
  // Sooner than a server that doesn't answer is given up; once on a busy machine is enough.
  await expect(async () => {
    const from = Date.now()
    await phone.reload({ waitUntil: 'commit' })
    await phone.getByTestId('kept-card').waitFor()
    expect(Date.now() - from, 'milliseconds to the card without network').toBeLessThan(4_000)
  }).toPass()
  await look(phone, 'member-offline')

  await phone.getByTestId('show-large').click()
  await expect(phone.getByTestId('at-till-digits')).toBeVisible()
  await look(phone, 'member-at-till')
  await phone.getByTestId('at-till-way').getByText('Касса без сети').click()
  const proof = await qrOf(phone, 'at-till-proof')
  expect(proof).toMatch(/^\d{192}$/)
  expect(await seenIn(phone, story.outputPath('proof.png')), 'what a till’s camera reads').toEqual([proof])
  await look(phone, 'member-proof')
  await phone.getByTestId('at-till-way').getByText('EAN-13').click()
  await expect(phone.getByTestId('bars-ean13')).toBeVisible()
  const [bars = ''] = await seenIn(phone, story.outputPath('bars.png'))
  expect(bars.slice(1, 12), 'the EAN-13 is of the card’s number').toBe(code.slice(4, 15))
  await look(phone, 'member-bars')

  // Its clock is set back meanwhile: the code may be wrong, and the phone says so.
  await phone.context().close()
  phone = await visit('/', { ...device, offline: true, clockAheadMinutes: -30 })
  await expect(phone.getByTestId('clock-note')).toContainText('Часы телефона перевели назад')
  await look(phone, 'member-clock-set-back')
})

test('a clock that is set right is measured again, also on a phone nobody signs in on', async ({ visit }, story) => {
  const phone = { viewport: PHONE, deviceScaleFactor: 2, cut: true, profile: story.outputPath('phone') }
  let own = await visit('/', { ...phone, clockAheadMinutes: PHONE_MINUTES_AHEAD, refusals: [401, 404] })
  await signInMember(own, memberAt(27).email)
  await own.getByTestId('work-offline').click()
  await expect(own.getByTestId('works-offline')).toBeVisible()
  await expect(own.getByTestId('clock-note')).toContainText('спешат')
  await own.getByTestId('settings').click()
  await own.getByTestId('family').click()
  await own.getByTestId('family-order-virtual').click()
  await own.getByTestId('family-gift').click()
  const link = new URL(await qrOf(own, 'gift'))
  expect(await seenIn(own, story.outputPath('gift.png')), 'what the other phone’s camera reads').toEqual([link.href])
  const theirs = { viewport: PHONE, cut: true, profile: story.outputPath('family') }
  let family = await visit(link.pathname + link.hash, { ...theirs, clockAheadMinutes: PHONE_MINUTES_AHEAD })
  await expect(family.getByTestId('clock-note')).toContainText('спешат')
  await own.context().close()
  await family.context().close()

  own = await visit('/', { ...phone, refusals: [401] })
  await expect(own.getByTestId('works-offline')).toBeVisible()
  family = await visit('/', theirs)
  for (const page of [own, family]) {
    await expect(page.getByTestId('card-qr')).toBeVisible()
    await expect(page.getByTestId('clock-note'), 'the clock is right').toHaveCount(0)
    expect((await asked(page, { code: await qrOf(page, 'card-qr') })).status, 'and so is the code').toBe(200)
  }
})

test('a server that answers nobody is as good as none', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE, cut: true, refusals: [502] })
  await signInMember(phone, memberAt(28).email)
  const proof = await proofOf(phone)
  await phone.getByTestId('work-offline').click()
  await expect(phone.getByTestId('works-offline')).toBeVisible()
  await keptBy(phone)
  const till = await visit('/till', { cut: true })
  await signInCashier(till)
  await keptBy(till)
  await expect.poll(async () => (await keptProofs(till))?.keys.length ?? 0, 'keys are kept').toBeGreaterThan(0)

  // Packets are swallowed: nothing fails, and nothing comes.
  const server = /\/(v1|health)\//
  for (const page of [phone, till]) {
    await page.context().route(server, () => undefined)
    await page.reload({ waitUntil: 'commit' })
  }
  await expect(phone.getByTestId('kept-card')).toHaveAttribute('data-why', 'offline')
  expect(await qrOf(phone, 'card-qr')).toMatch(/^9643\d{20}$/)
  await look(phone, 'member-no-answer')
  await till.getByTestId('code-field').fill(proof)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'valid')
  await expect(till.getByTestId('band')).toHaveAttribute('data-offline')
  await look(till, 'till-no-answer')
  await till.keyboard.press('Escape')
  // A live code only the server can judge: the answer that didn't come is asked for again.
  await till.getByTestId('code-field').fill(await qrOf(phone, 'card-qr'))
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('band')).toContainText('Сервер не ответил')
  await look(till, 'till-ask-again')
  await till.getByTestId('ask-again').click()
  await expect(till.getByTestId('ask-again')).toHaveCount(0)
  await till.getByTestId('ask-again').waitFor()
  await expect(till.getByTestId('code-field'), 'a scanner types into the field').toBeFocused()
  await till.context().unrouteAll({ behavior: 'ignoreErrors' })
  await till.keyboard.press('Escape')
  await till.getByTestId('code-field').fill(await qrOf(phone, 'card-qr'))
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'valid')
  await expect(till.getByTestId('band')).not.toHaveAttribute('data-offline')

  // What stands before the server answers in its place; then the server is back.
  await phone.context().unrouteAll({ behavior: 'ignoreErrors' })
  await phone.context().route(server, (route) => route.fulfill({ status: 502, body: '' }))
  await phone.reload({ waitUntil: 'commit' })
  await expect(phone.getByTestId('kept-card')).toHaveAttribute('data-why', 'offline')
  await phone.context().unrouteAll({ behavior: 'ignoreErrors' })
  await phone.getByTestId('kept-retry').click()
  await expect(phone.getByTestId('kept-card')).toHaveCount(0)
  await expect(phone.getByTestId('card-qr')).toBeVisible()
})

test('a till without network checks a proof, queues the purchase and sends it by itself', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(7).email)
  const proof = await proofOf(phone)
  // Another's card is blocked after its proof was given; the till hears of it while it still can.
  const other = await visit('/', { viewport: PHONE, refusals: [409] })
  await signInMember(other, memberAt(26).email)
  const revoked = await proofOf(other)
  await other.getByTestId('settings').click()
  await other.getByTestId('block-card').click()
  await other.getByTestId('block-confirm').click()
  await expect(other.getByText('Карта заблокирована').first()).toBeVisible()

  const till = await visit('/till', { cut: true })
  await signInCashier(till)
  await keptBy(till)
  await expect.poll(async () => (await keptProofs(till))?.keys.length ?? 0, 'keys are kept').toBeGreaterThan(0)
  expect(Object.keys((await keptProofs(till))?.revoked ?? {}), 'and the cards revoked').not.toHaveLength(0)
  await till.context().setOffline(true)
  await till.reload({ waitUntil: 'commit' })
  await till.getByTestId('code-field').waitFor()

  await till.getByTestId('code-field').fill(`${proof.slice(0, -1)}${(Number(proof.at(-1)) + 1) % 10}`)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'invalid')
  await expect(till.getByTestId('band')).toContainText('Подпись неверна')
  await till.keyboard.press('Escape')
  await till.getByTestId('code-field').fill(revoked)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'invalid')
  await expect(till.getByTestId('band')).toContainText('Карта отозвана')
  await expect(till.getByTestId('queue-post')).toHaveCount(0)
  await look(till, 'till-offline-revoked')
  await till.keyboard.press('Escape')
  await till.getByTestId('code-field').fill(proof)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'valid')
  await till.getByTestId('amount').fill('400,00')
  const receipt = `OFF-${Date.now()}`
  await till.getByTestId('receipt').fill(receipt)
  await look(till, 'till-offline')
  await till.getByTestId('queue-post').click()
  await expect(till.getByTestId('queued')).toBeVisible()
  await expect(till.getByTestId('queue-row')).toContainText(receipt)
  await till.reload({ waitUntil: 'commit' })
  await expect(till.getByTestId('queue-row'), 'the queue outlives a restart').toContainText(receipt)
  await look(till, 'till-queue')

  await till.context().setOffline(false)
  await expect(till.getByTestId('queue-row')).toHaveCount(0)
  await expect(till.getByTestId('today-row').first()).toContainText(receipt)
  await expect(phone.getByTestId('operation').first()).toContainText('20,00')
})

test('devices are revoked, cards reissued, a family shares the points', async ({ visit }) => {
  const page = await visit('/', { viewport: PHONE, cut: true })
  await signInMember(page, memberAt(5).email)
  await page.getByTestId('work-offline').click()
  await expect(page.getByTestId('works-offline')).toBeVisible()
  await page.getByTestId('settings').click()
  await page.getByTestId('devices').click()
  await expect(page.getByTestId('device')).toHaveCount(1)
  await look(page, 'member-devices')
  await page.getByTestId('device-revoke').click()
  await expect(page.getByTestId('device')).toHaveCount(0)
  await page.keyboard.press('Escape')

  await page.getByTestId('settings').click()
  await page.getByTestId('family').click()
  await page.getByTestId('family-order-virtual').click()
  await expect(page.getByTestId('family-card')).toHaveCount(1)
  await page.getByTestId('limit-redeem_per_day').fill('300')
  await page.getByTestId('limits-save').click()
  await look(page, 'member-family')
  await page.getByTestId('family-gift').click()
  const link = new URL(await qrOf(page, 'gift'))
  await look(page, 'member-gift')
  const family = await visit(link.pathname + link.hash, { viewport: PHONE })
  await expect(family.getByTestId('kept-card')).toHaveAttribute('data-why', 'guest')
  const code = await qrOf(family, 'card-qr')
  expect((await asked(family, { code })).status).toBe(200)
  await look(family, 'family-phone')
  // Nobody is signed in there, so nothing is offered that has to be asked for.
  await family.getByTestId('show-large').click()
  await expect(family.getByTestId('at-till-code')).toBeVisible()
  await expect(family.getByTestId('at-till-way')).toHaveCount(0)
  await look(family, 'family-phone-at-till')
  await page.getByRole('button', { name: 'Готово' }).click()
  await page.getByTestId('family-order-plastic').click()
  await expect(page.getByTestId('family-card')).toHaveCount(2)
  await page.keyboard.press('Escape')
  // A child's plastic is not the member's own.
  await page.getByTestId('settings').click()
  await expect(page.getByTestId('order-plastic')).toBeVisible()
  await page.keyboard.press('Escape')

  const before = (await page.getByTestId('card-digits').innerText()).slice(0, 19)
  await page.getByTestId('settings').click()
  await page.getByTestId('reissue-card').click()
  await look(page, 'member-reissue')
  await page.getByTestId('reissue-confirm').click()
  await expect.poll(async () => (await page.getByTestId('card-digits').innerText()).slice(0, 19)).not.toBe(before)
  const old = await asked(page, { card_number: before.replace(/\D/g, '') })
  expect(old.body).toMatchObject({ status: 'blocked' })
})

test('the office finds a card by any of its numbers, sees its history and issues another', async ({ visit }) => {
  // The phone still asks for the code of the card that is being replaced.
  const phone = await visit('/', { viewport: PHONE, refusals: [409] })
  await signInMember(phone, memberAt(6).email)
  const number = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16)
  const office = await visit('/office')
  await signInStaff(office, 'registrar')
  await openCard(office, number)
  await expect(office.getByTestId('card-event').first()).toContainText('Заказана')
  await office.getByTestId('alias-text').fill('псб-777')
  await office.getByTestId('alias-add').click()
  await expect(office.getByTestId('card-alias')).toContainText('ПСБ-777')
  await look(office, 'office-card')
  await office.getByTestId('card-reissue').click()
  await office.getByTestId('card-reissue-confirm').click()
  await expect(office.getByTestId('card-alias'), 'the old number goes over').toContainText('ПСБ-777')
  await office.getByTestId('card-search').fill('псб-777')
  await office.getByTestId('card-find').click()
  await expect(office.getByTestId('card-row')).toHaveCount(1)
  await look(office, 'office-card-reissued')
})
