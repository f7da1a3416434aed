/** Standing in the browser: tiers set by two people, a correction approved, a gift given, an account frozen. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { DESK, look, memberAt, PHONE, signInCashier, signInMember, signInStaff, test } from './people'

/** The codes sent by text message, the newest last. */
function textedCodes(): string[] {
  const folder = join(process.env.BROWSER_DATA ?? '', 'sms')
  // Made with the first text.
  if (!existsSync(folder)) return []
  const texts = readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
  return texts.flatMap((text) => /(?<!\d)\d{6}(?!\d)/.exec(text.split('\n').slice(1).join(' ')) ?? [])
}

test('tiers, a correction and a gift, from the office to the member’s page', async ({ visit }) => {
  const { membership_number, email } = memberAt(11)
  const finance = await visit('/office', { viewport: DESK })
  await signInStaff(finance, 'finance')
  await finance.getByTestId('nav-tiers').click()
  await finance.getByTestId('tiers-change').click()
  const form = finance.getByTestId('tiers-form')
  await form.getByLabel('Название').first().fill('бронза')
  await form.getByRole('button', { name: 'Добавить уровень' }).click()
  await form.getByLabel('Название').nth(1).fill('золото')
  await form.getByLabel('От суммы').nth(1).fill('9000000')
  await look(finance, 'tiers-form')
  await finance.getByTestId('tiers-save').click()
  await expect(finance.getByTestId('tiers-draft')).toContainText('золото')

  await finance.getByTestId('nav-accounts').click()
  await finance.getByTestId('account-number').fill(membership_number)
  await finance.getByTestId('account-find').click()
  await expect(finance.getByTestId('account-standing')).toHaveText('участвует')
  await look(finance, 'account')
  await finance.getByTestId('account-adjust').click()
  // What is missing is said at its field.
  await finance.getByTestId('adjustment-owner').fill('')
  await finance.getByTestId('adjustment-propose').click()
  for (const wanted of ['Укажите, чей счёт', 'Введите сумму', 'Напишите причину', 'на чём это основано']) {
    await expect(finance.getByText(wanted)).toBeVisible()
  }
  await look(finance, 'adjustment-missing')
  await finance.getByTestId('adjustment-owner').fill(membership_number)
  await finance.getByTestId('adjustment-amount').fill('250')
  await finance.getByTestId('adjustment-reason').fill('Кешбэк за покупку, которая не дошла')
  await finance.getByTestId('adjustment-evidence').fill('обращение 17')
  await look(finance, 'adjustment-form')
  await finance.getByTestId('adjustment-propose').click()
  await expect(finance.getByTestId('adjustment-row').first()).toContainText('250,00')

  const controller = await visit('/office', { viewport: DESK })
  await signInStaff(controller, 'controller')
  await controller.getByTestId('nav-tiers').click()
  await controller.getByTestId('tiers-approve').click()
  await expect(controller.getByTestId('tiers-in-force')).toContainText('бронза')
  await look(controller, 'tiers')
  await controller.getByTestId('nav-adjustments').click()
  await controller.getByTestId('adjustment-row').first().click()
  await expect(controller.getByTestId('record')).toContainText('обращение 17')
  await look(controller, 'adjustment-record')
  await controller.getByTestId('adjustment-approve').click()
  await expect(controller.getByTestId('adjustment-row').first()).toContainText('проведено')

  const phone = await visit('/', { viewport: PHONE, theme: 'dark' })
  await signInMember(phone, email)
  await expect(phone.getByTestId('tier-name')).toHaveText('бронза')
  await expect(phone.getByTestId('operation').first()).toContainText('250,00')
  await phone.getByTestId('donate').click()
  await phone.getByTestId('donate-amount').fill('100')
  await look(phone, 'donate-phone')
  await phone.getByTestId('donate-confirm').click()
  await expect(phone.getByTestId('announcement')).toContainText('100,00')
  await expect(phone.getByTestId('operation').first()).toContainText('100,00')
  await look(phone, 'standing-phone')

  await finance.getByTestId('nav-accounts').click()
  await finance.getByTestId('account-number').fill(membership_number)
  await finance.getByTestId('account-find').click()
  await finance.getByTestId('freeze').click()
  await finance.getByTestId('freeze-reason').fill('спорные покупки')
  await finance.getByTestId('freeze-confirm').click()
  await expect(finance.getByTestId('account-standing')).toHaveText('заморожен')
  await phone.reload()
  await expect(phone.getByTestId('frozen')).toBeVisible()
  await expect(phone.getByTestId('donate')).toHaveCount(0)
  await finance.getByTestId('unfreeze').click()
  await finance.getByTestId('freeze-reason').fill('проверено')
  await finance.getByTestId('freeze-confirm').click()
  await expect(finance.getByTestId('account-standing')).toHaveText('участвует')
})

test('a registrar sees what merging two records will do before it is done', async ({ visit }) => {
  const page = await visit('/office', { viewport: DESK })
  await signInStaff(page, 'registrar')
  await page.getByTestId('nav-members').click()
  // Beyond the members whose logins are told.
  const [goes, stays] = ['000000201', '000000301']
  await page.getByTestId('member-search').fill(goes)
  await page.getByTestId('member-row').filter({ hasText: goes }).click()
  await page.getByTestId('merge').click()
  await page.getByTestId('merge-into').fill(stays)
  await page.getByTestId('merge-look').click()
  await expect(page.getByTestId('merge-statement')).toContainText(stays)
  await look(page, 'merge')
  await page.getByTestId('merge-confirm').click()
  await expect(page.getByTestId('announcement')).toContainText('объединены')
  await expect(page.getByTestId('member-record')).toContainText(stays)
})

test('a cashier enrols a customer by the code the union sent them', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(12).email)
  const card = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16)
  await phone.getByTestId('settings').click()
  await phone.getByTestId('leave-programme').click()
  await phone.getByTestId('leave-confirm').click()
  await expect(phone.getByTestId('enrol')).toBeVisible()

  const till = await visit('/till', { viewport: DESK })
  await signInCashier(till)
  await till.getByTestId('code-field').fill(card)
  await till.getByTestId('code-field').press('Enter')
  await expect(till.getByTestId('enrol-step')).toBeVisible()
  const before = textedCodes().length
  await till.getByTestId('enrol-start').click()
  await till.getByTestId('enrol-code').waitFor()
  await expect.poll(() => textedCodes().length, 'a text with a code').toBeGreaterThan(before)
  await look(till, 'till-enrol')
  await till.getByTestId('enrol-code').fill(textedCodes().at(-1) ?? '')
  await till.getByTestId('enrol-confirm').click()
  await expect(till.getByTestId('enrol-step')).toHaveCount(0)
  await till.getByTestId('amount').fill('1000')
  await expect(till.getByTestId('quote-cashback')).toContainText('50,00')
  await phone.reload()
  await expect(phone.getByTestId('enrol')).toHaveCount(0)
})
