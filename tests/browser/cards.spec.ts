/** A card in its holder's hands: blocked by a tap, and known at the till by the number of an older system. */
import { expect } from '@playwright/test'
import { look, memberAt, openCard, partnerProgram, PHONE, signInCashier, signInMember, signInStaff, test } from './people'

test('a member blocks a card, and no till takes it from that moment on', async ({ visit }) => {
  // The page may still ask for the next code of the card that is being blocked.
  const phone = await visit('/', { viewport: PHONE, refusals: [409] })
  await signInMember(phone, memberAt(24).email)
  const digits = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '')
  expect(digits).toMatch(/^9643\d{20}$/)
  const market = await partnerProgram(phone.request, 'market')
  const standing = async (body: object) => {
    const answer = await market.post('/v1/cards/resolve', body)
    return (await answer.json()).status
  }
  expect(await standing({ card_number: digits.slice(0, 16) })).toBe('valid')
  await phone.getByTestId('settings').click()
  await phone.getByTestId('order-plastic').click()
  await expect(phone.getByTestId('plastic-status')).toBeVisible()
  await phone.getByTestId('block-card').click()
  await look(phone, 'member-block')
  await phone.getByTestId('block-confirm').click()
  await expect(phone.getByText('Карта заблокирована').first()).toBeVisible()
  expect(await standing({ card_number: digits.slice(0, 16) })).toBe('blocked')
  expect(await standing({ code: digits }), 'a picture of its last code').toBe('blocked')
  await phone.reload()
  await expect(phone.getByText('Карта заблокирована').first()).toBeVisible()
  await expect(phone.getByTestId('card-qr')).toHaveCount(0)
  await look(phone, 'member-blocked')

  // Plastic lives on beside it; the page offers another card for the phone.
  await phone.getByTestId('renew-card').click()
  await look(phone, 'member-renew')
  await phone.getByTestId('reissue-confirm').click()
  await expect(phone.getByTestId('card-qr')).toBeVisible()
  await expect(phone.getByTestId('renew-card')).toHaveCount(0)
  const renewed = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '')
  expect(renewed.slice(0, 16)).not.toBe(digits.slice(0, 16))
  expect(await standing({ code: renewed })).toBe('valid')
})

test('a till takes a number of an older system, of digits alone or with signs', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(25).email)
  const number = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16)
  const office = await visit('/office')
  await signInStaff(office, 'registrar')
  await openCard(office, number)
  const older = ['00778899', '№ 77/5']
  for (const [place, alias] of older.entries()) {
    await office.getByTestId('alias-text').fill(alias)
    await office.getByTestId('alias-add').click()
    await expect(office.getByTestId('card-alias')).toHaveCount(place + 1)
  }

  const till = await visit('/till')
  await signInCashier(till)
  for (const alias of older) {
    await expect(till.getByTestId('code-field')).toBeFocused()
    await till.keyboard.insertText(alias)
    await till.keyboard.press('Enter')
    await expect(till.getByTestId('band'), alias).toHaveAttribute('data-status', 'valid')
    await expect(till.getByTestId('code-field')).toHaveValue(alias)
    await expect(till.getByTestId('amount')).toBeFocused()
    if (alias !== older.at(-1)) await till.keyboard.press('Escape')
  }
  // What comes right after a scan is not the cashier's.
  await till.waitForTimeout(300)
  await till.getByTestId('amount').fill('200')
  const receipt = `A-${Date.now()}`
  await till.getByTestId('receipt').fill(receipt)
  await expect(till.getByTestId('quote-cashback')).toHaveAttribute('data-fresh', 'true')
  await till.getByTestId('post').click()
  await expect(till.getByTestId('result')).toContainText('200,00')
  await expect(phone.getByTestId('operation').first()).toContainText('10,00')
})
