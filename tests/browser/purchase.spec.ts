/** The main story: a member shows the code, the till reads it, the cashback appears on the member's page. */
import { execFileSync } from 'node:child_process'
import { expect, type Page } from '@playwright/test'
import { look, memberAt, PHONE, signInCashier, signInMember, test } from './people'

/** What a scanner of the counter reads from a picture of the screen: two readers, of one mind. */
function scan(picture: string): string {
  const stdio = ['ignore', 'pipe', 'ignore'] as const
  const read = (program: string, options: string[]) =>
    execFileSync(program, [...options, picture], { encoding: 'utf8', stdio: [...stdio] }).trim()
  const code = read('zbarimg', ['--quiet', '--raw', '-Sdisable', '-Sqrcode.enable'])
  expect(JSON.parse(read(process.execPath, ['../readers/zxing.mjs'])), 'what ZXing reads').toEqual([code])
  return code
}

/** A keyboard-style scanner: keys to wherever the cursor is, then Enter. */
async function type(page: Page, code: string): Promise<void> {
  await expect(page.getByTestId('code-field')).toBeFocused()
  await page.keyboard.type(code)
  await page.keyboard.press('Enter')
}

/** Rubles shown by a page, in kopecks. */
async function kopecks(page: Page, testId: string): Promise<number> {
  const [, rubles, part] = /([\d\s]+),(\d\d)/.exec(await page.getByTestId(testId).innerText()) ?? []
  return Number(`${rubles}${part}`.replace(/\s/g, ''))
}

test('a code read from the screen brings cashback that appears by itself', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE, deviceScaleFactor: 2 })
  await signInMember(phone, memberAt(0).email)
  const before = await kopecks(phone, 'balance-pending')
  for (const balance of ['available', 'pending', 'reserved', 'debt']) {
    await expect(phone.getByTestId(`balance-${balance}`)).toContainText('₽')
  }
  await look(phone, 'member-phone')

  const till = await visit('/till', { refusals: [409] })
  await signInCashier(till)

  const picture = 'screenshots/member-code.png'
  let code = ''
  // Between the digits and the picture the next code may have come.
  await expect(async () => {
    const digits = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '')
    await phone.screenshot({ path: picture })
    code = scan(picture)
    expect(digits).toBe(code)
  }).toPass()
  expect(code).toMatch(/^9643\d{20}$/)

  await type(till, code)
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'valid')
  await expect(till.getByTestId('amount')).toBeFocused()
  await till.keyboard.type('1050,50')
  const receipt = `W-${Date.now()}`
  await till.getByTestId('receipt').fill(receipt)
  await expect(till.getByTestId('quote-cashback')).toHaveAttribute('data-fresh', 'true')
  await expect(till.getByTestId('quote-cashback')).toContainText('52,53')
  await look(till, 'till-quote')
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('result')).toHaveAttribute('data-status', 'valid')
  const news = phone.getByTestId('operation').first()
  await expect(news).toContainText('52,53')
  await expect.poll(() => kopecks(phone, 'balance-pending')).toBeGreaterThan(before)
  await look(till, 'till-posted')
  await till.getByTestId('next').click()
  // The picture shown again, while its code would still be fresh.
  await type(till, code)
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'invalid')
  await expect(till.getByTestId('band')).toContainText('Код уже использован')
  await look(till, 'till-used')

  await news.click()
  await expect(news).toContainText('5 %')
  await look(phone, 'member-explained')

  await till.keyboard.press('F3')
  await till.getByTestId('refund-receipt').fill(receipt)
  await till.keyboard.press('Enter')
  await till.getByTestId('refund-amount').fill('50,50')
  await look(till, 'till-refund')
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('refund-result')).toContainText('50,50')
  await look(till, 'till-refunded')
  await expect(phone.getByTestId('operation').first()).toContainText('возврат')
})

test('who leaves the programme is asked first, earns nothing, and can come back', async ({ visit }) => {
  const page = await visit('/', { viewport: PHONE })
  await signInMember(page, memberAt(1).email)
  await page.getByTestId('settings').click()
  await page.getByTestId('leave-programme').click()
  await look(page, 'member-leaving')
  await page.getByTestId('leave-confirm').click()
  await expect(page.getByTestId('leave-programme')).toBeHidden()
  await page.keyboard.press('Escape')
  await page.getByTestId('enrol').click()
  await expect(page.getByTestId('enrol')).toBeHidden()
})
