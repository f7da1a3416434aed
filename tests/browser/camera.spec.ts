/** Codes in front of a camera: the member's at the till, and the receipt's at the member's own. */
import { expect } from '@playwright/test'
import { film, filmOfCard, filmOfText } from './film'
import { keptBy, keptProofs, proofOf } from './kept'
import { look, memberAt, PHONE, receiptOfMarket, signInCashier, signInMember, test } from './people'

test('the till reads a member’s code with its camera', async ({ visit }, info) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(13).email)
  const seen = info.outputPath('camera.y4m')
  film(seen)
  const till = await visit('/till', { camera: seen })
  await signInCashier(till)
  await till.getByTestId('camera').click()
  const window = till.getByRole('dialog')
  await expect.poll(() => window.locator('video').evaluate((video: HTMLVideoElement) => video.videoWidth)).toBe(640)
  await look(till, 'till-camera')
  await window.getByRole('button', { name: 'Закрыть' }).click()
  await expect(window).toBeHidden()

  // A code lives half a minute.
  await filmOfCard(seen, phone)
  await till.getByTestId('camera').click()
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'valid')
  await expect(window).toBeHidden()
  const digits = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '')
  const read = (await till.getByTestId('code-field').inputValue()).replace(/\D/g, '')
  expect(read, 'the number; the live digits are hidden').toBe(digits.slice(0, 16))
  await till.getByTestId('amount').fill('100')
  await till.getByTestId('receipt').fill(`C-${Date.now()}`)
  await expect(till.getByTestId('quote-cashback')).toHaveAttribute('data-fresh', 'true')
  await till.getByTestId('post').click()
  await expect(till.getByTestId('result')).toHaveAttribute('data-status', 'valid')
})

test('a till whose network is cut reads a proof with its camera', async ({ visit }, info) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(29).email)
  const seen = info.outputPath('camera.y4m')
  filmOfText(seen, await proofOf(phone))
  const till = await visit('/till', { camera: seen, cut: true })
  await signInCashier(till)
  await keptBy(till)
  await expect.poll(async () => (await keptProofs(till))?.keys.length ?? 0, 'keys are kept').toBeGreaterThan(0)
  await till.context().setOffline(true)
  await till.reload({ waitUntil: 'commit' })
  await till.getByTestId('camera').click()
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'valid')
  await expect(till.getByTestId('amount')).toBeFocused()
})

test('a member’s camera reads the receipt of a purchase that is missing', async ({ visit }, info) => {
  const seen = info.outputPath('camera.y4m')
  const receipt = receiptOfMarket('345.00', 7)
  filmOfText(seen, receipt)
  const phone = await visit('/', { viewport: PHONE, camera: seen })
  await signInMember(phone, memberAt(16).email)
  await phone.getByTestId('claims').click()
  await phone.getByTestId('claim-scan').click()
  const sent = phone.getByTestId('claim').first()
  await expect(sent).toHaveAttribute('data-status', 'unmatched')
  await expect(sent).toContainText('345,00')
})
