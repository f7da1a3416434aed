/** The till beyond the ordinary purchase: lines, two steps, refunds by lines; and a manager's webhooks. */
import { expect, type Page } from '@playwright/test'
import { look, memberAt, PHONE, partnerProgram, signInCashier, signInMember, signInStaff, test } from './people'

async function digitsOf(phone: Page): Promise<string> {
  return (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '')
}

/** The code on a member's screen, typed as a scanner would. */
async function scan(till: Page, phone: Page): Promise<void> {
  const digits = await digitsOf(phone)
  await expect(till.getByTestId('code-field')).toBeFocused()
  await till.keyboard.type(digits)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('band')).toHaveAttribute('data-status', 'valid')
  await expect(till.getByTestId('amount')).toBeFocused()
  // What comes right after a scan is not the cashier's.
  await till.waitForTimeout(300)
}

test('a receipt in lines is refunded by lines', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(2).email)
  const till = await visit('/till')
  await signInCashier(till)
  await scan(till, phone)
  await till.getByTestId('lines').click()
  await till.getByTestId('line-category').first().fill('tea')
  await till.getByTestId('line-amount').first().fill('60')
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('line')).toHaveCount(2)
  await till.keyboard.type('food')
  await till.getByTestId('line-quantity').nth(1).fill('1,5')
  await till.getByTestId('line-amount').nth(1).fill('40,50')
  await expect(till.getByTestId('amount')).toHaveValue('100,50')
  const receipt = `L-${Date.now()}`
  await till.getByTestId('receipt').fill(receipt)
  await expect(till.getByTestId('quote-cashback')).toHaveAttribute('data-fresh', 'true')
  await look(till, 'till-lines')
  await till.getByTestId('post').click()
  await expect(till.getByTestId('result')).toContainText('100,50')

  await till.keyboard.press('F3')
  await till.getByTestId('refund-receipt').fill(receipt)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('part')).toHaveCount(2)
  await till.getByTestId('part-chosen').first().check()
  await till.getByTestId('part-amount').nth(1).fill('20,50')
  await look(till, 'till-refund-lines')
  await till.getByTestId('refund-post').click()
  await expect(till.getByTestId('refund-result')).toContainText('80,50')

  await till.keyboard.press('F3')
  await till.getByTestId('refund-receipt').fill(receipt)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('part-chosen').first()).toBeDisabled()
  await till.getByText('Суммой').click()
  await till.getByTestId('refund-amount').fill('20')
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('refund-result')).toContainText('чек возвращён полностью')
})

test('what is reserved is carried through for less, or given up', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(3).email)
  const till = await visit('/till', { viewport: PHONE })
  await signInCashier(till)
  const receipts = [`H-${Date.now()}-1`, `H-${Date.now()}-2`]
  for (const receipt of receipts) {
    await scan(till, phone)
    await till.getByTestId('amount').fill('200')
    await till.getByTestId('receipt').fill(receipt)
    await till.getByTestId('hold').check({ force: true })
    await look(till, 'till-hold-phone')
    await till.getByTestId('post').click()
    await expect(till.getByTestId('result')).toContainText('Зарезервировано')
    await till.getByTestId('next').click()
    // The next purchase needs the next code.
    const used = await digitsOf(phone)
    if (receipt === receipts[0]) {
      await expect.poll(() => digitsOf(phone), { timeout: 40_000 }).not.toBe(used)
    }
  }
  await till.keyboard.press('F4')
  await expect(till.getByTestId('held-row')).toHaveCount(2)
  await look(till, 'till-held-phone')
  await till.getByTestId('held-row').filter({ hasText: receipts[0] ?? '' }).click()
  await till.getByTestId('held-amount').fill('150')
  await look(till, 'till-held-capture')
  await till.keyboard.press('Enter')
  const result = till.getByTestId('result')
  await expect(result).toContainText('Проведено')
  // What the customer pays is what was carried through, not what was reserved.
  await expect(result).toContainText('150,00')
  await expect(result.locator('..')).toContainText(/К оплате150,00/)
  await expect(till.getByTestId('today-row').first()).toContainText('150,00')
  await look(till, 'till-held-captured')
  await till.keyboard.press('F3')
  await till.getByTestId('refund-receipt').fill(receipts[0] ?? '')
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('refund-purchase')).toContainText(/Сумма чека150,00.*Уже возвращено0,00.*Осталось150,00/)
  await till.keyboard.press('F4')
  await till.getByTestId('held-row').click()
  await till.getByTestId('held-void').click()
  await till.getByTestId('held-void-sure').click()
  await expect(result).toContainText('Резерв снят')
  await expect(result.locator('..')).toContainText('К оплатеничего')
  await till.keyboard.press('F4')
  await expect(till.getByTestId('held')).toContainText('Отложенных покупок нет')
})

test('more is reserved than fits a page: the oldest is found by its receipt', async ({ visit, request }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(19).email)
  const card = (await digitsOf(phone)).slice(0, 16)
  const program = await partnerProgram(request, 'market')
  const stamp = Date.now()
  const receipts = Array.from({ length: 103 }, (_, place) => `M-${stamp}-${String(place).padStart(3, '0')}`)
  const purchases = receipts.map((receipt) => ({
    card_number: card,
    outlet: 'market-2',
    receipt,
    occurred_at: new Date(stamp - 1_000).toISOString(),
    amount: '10.00',
    capture: false,
  }))
  const answer = await (await program.post('/v1/purchases/batch', { purchases })).json()
  expect(answer.results.map(({ status }: { status: number }) => status)).toEqual(receipts.map(() => 201))

  const till = await visit('/till', { viewport: PHONE })
  await signInStaff(till, 'manager', 'market')
  await till.getByTestId('outlet').nth(1).click()
  await till.keyboard.press('F4')
  await expect(till.getByTestId('held-row')).toHaveCount(100)
  await look(till, 'till-held-many')
  const [oldest = '', second = ''] = receipts
  await expect(till.getByTestId('held-row').filter({ hasText: oldest })).toHaveCount(0)
  await till.getByTestId('held-find').fill(oldest)
  await expect(till.getByTestId('held')).toContainText('Среди показанных такого чека нет')
  await look(till, 'till-held-find')
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('held-purchase')).toContainText(oldest)
  await till.getByTestId('held-capture').click()
  await expect(till.getByTestId('result')).toContainText('10,00')
  await till.keyboard.press('F4')
  await till.getByTestId('held-find').fill(oldest)
  await till.keyboard.press('Enter')
  await expect(till.getByTestId('held-not')).toContainText('Покупка проведена')
  await till.getByTestId('held-find').fill('')
  await till.getByTestId('held-more').click()
  await till.getByTestId('held-row').filter({ hasText: second }).click()
  await expect(till.getByTestId('held-purchase')).toContainText(second)
})

test('a manager keeps addresses for the partner’s program', async ({ visit }) => {
  const page = await visit('/till', { refusals: [422] })
  await signInStaff(page, 'manager', 'market')
  await page.getByTestId('outlet').first().click()
  await page.getByTestId('settings').click()
  await page.getByTestId('webhooks').click()
  await expect(page.getByTestId('hooks')).toContainText('Адресов пока нет')
  await page.getByTestId('hook-url').fill('https://127.0.0.1/hook')
  await page.getByTestId('hook-add').click()
  await expect(page.getByTestId('hooks')).toContainText('это не общедоступный адрес')
  await page.getByTestId('hook-url').fill('https://hooks.unioncard.invalid.example/hook')
  await page.getByTestId('hook-add').click()
  await expect(page.getByTestId('hook-secret')).toContainText(/^whsec_[A-Za-z0-9+/]{43}=$/)
  const first = await page.getByTestId('hook-secret').innerText()
  await look(page, 'till-webhooks')
  await page.getByTestId('hook-rotate').click()
  await expect(page.getByTestId('hook-secret')).not.toHaveText(first)
  await page.getByTestId('hook-test').click()
  await expect(page.getByTestId('hook-message')).toContainText('имя узла не находится')
  await look(page, 'till-webhook-messages')
  await page.getByText('К адресам').click()
  await page.getByTestId('hook-remove').click()
  await page.getByTestId('hook-remove-sure').click()
  await expect(page.getByTestId('hooks')).toContainText('Адресов пока нет')
})
