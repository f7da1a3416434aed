/** A purchase that never arrived, from the member's receipt over finance to the till; and cashback held until finance decides. */
import { expect } from '@playwright/test'
import {
  DESK,
  look,
  memberAt,
  PHONE,
  partnerProgram,
  receiptOfMarket,
  signInCashier,
  signInMember,
  signInStaff,
  test,
} from './people'

test('a receipt nobody knows finds its shop, its cashback and its member', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE, refusals: [422] })
  await signInMember(phone, memberAt(17).email)
  await phone.getByTestId('claims').click()
  await phone.getByTestId('claim-string').fill('не чек')
  await phone.getByTestId('claim-send').click()
  await expect(phone.getByRole('dialog')).toContainText('строка фискального чека не разобрана')
  await phone.getByTestId('claim-string').fill(receiptOfMarket('777.00', 1))
  await phone.getByTestId('claim-send').click()
  const sent = phone.getByTestId('claim').first()
  await expect(sent).toHaveAttribute('data-status', 'unmatched')
  await look(phone, 'member-claims')

  const office = await visit('/office', { viewport: DESK })
  await signInStaff(office, 'finance')
  await office.getByTestId('nav-claims').click()
  await office.getByTestId('claim-row').filter({ hasText: '777,00' }).click()
  await look(office, 'finance-claim')
  await office.getByTestId('claim-outlet').click()
  await office.getByRole('option', { name: /Тверской/ }).click()
  await office.getByTestId('claim-assign').click()
  await expect(office.getByTestId('claim-row').filter({ hasText: '777,00' })).toBeHidden()

  const till = await visit('/till')
  await signInStaff(till, 'manager', 'market')
  await till.getByTestId('outlet').first().click()
  await till.getByTestId('claims').click()
  const claim = till.getByTestId('claim').filter({ hasText: '777,00' })
  await claim.waitFor()
  await look(till, 'till-claims')
  await claim.getByTestId('claim-approve').click()
  await expect(claim).toBeHidden()
  await expect(sent).toHaveAttribute('data-status', 'approved')
  await look(phone, 'member-claim-approved')
})

test('cashback beyond a threshold waits for finance', async ({ visit, request }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(18).email)
  const card = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16)
  const office = await visit('/office', { viewport: DESK })
  await signInStaff(office, 'finance')
  await office.getByTestId('nav-fraud').click()
  await office.getByText('Пороги', { exact: true }).click()
  const rule = office.getByTestId('fraud-rules').locator('.surface').nth(2)
  await rule.getByRole('textbox', { name: /Покупок/ }).fill('')
  // As the office writes sums everywhere else.
  await rule.getByRole('textbox', { name: /сумму/ }).fill('900 000,00')
  await rule.getByRole('combobox').click()
  await office.getByRole('option').first().click()
  await office.getByTestId('fraud-rules-save').click()
  await expect(office.getByTestId('fraud-rules-save')).toBeDisabled()
  await expect(rule.getByRole('textbox', { name: /сумму/ })).toHaveValue(/^900\s000,00$/)
  await look(office, 'finance-fraud-rules')

  const program = await partnerProgram(request, 'market')
  const sold = {
    card_number: card,
    outlet: 'market-1',
    receipt: `F-${Date.now()}`,
    occurred_at: new Date(Date.now() - 1_000).toISOString(),
    amount: '950000.00',
  }
  const posted = await (await program.post('/v1/purchases', sold)).json()
  expect(posted.cashback.status).toBe('held')
  const news = phone.getByTestId('operation').filter({ hasText: '47' }).first()
  await expect(news).toContainText('на проверке')

  // It is the first thing finance sees: counted on the first page and beside the section, and in the list's first state.
  await office.getByTestId('nav-today').click()
  await office.reload()
  await expect(office.getByTestId('waiting-fraud')).toContainText(/[1-9]/)
  await expect(office.getByTestId('nav-fraud-waiting')).toHaveText(/[1-9]/)
  await look(office, 'finance-today-waiting')
  await office.getByTestId('waiting-fraud').click()
  await office.getByTestId('fraud-row').filter({ hasText: /950\s000,00/ }).click()
  await expect(office.getByTestId('fraud-case')).toContainText('Много покупок по номеру')
  // The case's address shows it whatever the list shows.
  const address = office.url()
  await office.goto('about:blank')
  await office.goto(address)
  await expect(office.getByTestId('fraud-case')).toHaveAttribute('data-status', 'held')
  await office.getByText('Удержаны', { exact: true }).click()
  await office.getByTestId('fraud-row').first().click()
  await look(office, 'finance-fraud-case')
  await office.getByTestId('fraud-release').click()
  await expect(office.getByTestId('fraud-row')).toHaveCount(0)
  await expect(office.getByTestId('fraud-case')).toHaveAttribute('data-status', 'released')
  await expect(news).toContainText('доступно')

  // The next one is a cashier's: finance reads whose.
  const till = await visit('/till')
  await signInCashier(till)
  await till.getByTestId('code-field').fill(card)
  await till.getByTestId('code-field').press('Enter')
  await till.getByTestId('amount').fill('1000')
  await till.getByTestId('receipt').fill(`F-TILL-${Date.now()}`)
  await expect(till.getByTestId('quote-cashback')).toHaveAttribute('data-fresh', 'true')
  await till.getByTestId('post').click()
  await till.getByTestId('result').waitFor()
  await office.reload()
  await office.getByText('Удержаны', { exact: true }).click()
  await office.getByTestId('fraud-row').first().click()
  await expect(office.getByTestId('fraud-case')).toContainText(/Кто провёл.*@/)
  await look(office, 'finance-fraud-cashier')
  await office.getByTestId('fraud-release').click()
  await expect(office.getByTestId('fraud-row')).toHaveCount(0)
})
