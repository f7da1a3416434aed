/** The office at work: the books down to a purchase, a register's outcomes, an import's refusals, a card given. */
import { expect } from '@playwright/test'
import { look, signInStaff, test } from './people'

const file = (name: string, lines: string[]) => ({
  name,
  mimeType: 'text/csv',
  buffer: Buffer.from(`${lines.join('\n')}\n`),
})

test('finance opens a balance down to the purchase behind it', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'finance')
  await expect(page.getByTestId('nav-members')).toBeHidden()
  await look(page, 'finance-today')
  await page.getByTestId('nav-ledger').click()
  await expect(page.getByTestId('balanced')).toContainText('сходится')
  const total = await page.getByTestId('trial-balance').locator('tfoot td.number').allInnerTexts()
  expect(total).toHaveLength(2)
  expect(total[0]).toBe(total[1])
  await look(page, 'finance-ledger')

  await page.getByTestId('trial-balance').getByRole('row').filter({ hasText: 'Соседи' }).first().getByRole('link').click()
  await page.getByTestId('postings').waitFor()
  await look(page, 'finance-postings')
  const posting = page.getByTestId('postings').getByRole('row').filter({ hasText: /M-\d{6}/ }).first()
  await posting.click()
  await page.getByTestId('record').getByRole('link').first().click()
  await expect(page.getByTestId('purchase-detail')).toContainText('5 %')
  await look(page, 'finance-purchase')
})

test('finance uploads a register and sees what became of its rows', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'finance')
  await page.getByTestId('nav-registers').click()
  await page.getByTestId('register-upload').click()
  await page.getByTestId('register-partner').click()
  await page.getByRole('option', { name: 'Супермаркет «Соседи»' }).click()
  await page.getByTestId('register-file').setInputFiles(
    file('october.csv', [
      'outlet,receipt,occurred_at,card_number,amount,category,kind,reference',
      'market-1,W-UNKNOWN,2026-11-20T12:00:00+03:00,9643010000000007,100.00,grocery,sale,',
      'market-1,W-BAD,2026-11-20T12:00:00+03:00,9643010000000007,1e2,grocery,sale,',
    ]),
  )
  await look(page, 'finance-upload')
  await page.getByTestId('register-send').click()
  await expect(page.getByTestId('register-status')).toHaveAttribute('data-status', 'done')
  await expect(page.getByTestId('outcome-rejected')).toContainText('2')
  await page.getByTestId('outcome-rejected').click()
  await page.getByTestId('register-line').first().click()
  await expect(page.getByTestId('record')).toContainText('W-')
  await look(page, 'finance-register')
})

test('a registrar imports members, sees why a row was refused, and gives a card', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'registrar')
  await look(page, 'registrar-today')
  await page.getByTestId('nav-imports').click()
  await page.getByTestId('import-file').setInputFiles(
    file('new.csv', [
      'membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,category,position,joined_on,consent_on',
      '900000001,P-000001,Константинопольская-Заблоцкая,Анна-Мария,О’Коннор,female,1990-02-28,+79009990001,anna@example.org,worker,учитель,2026-10-01,2026-10-01',
      '900000002,P-NOWHERE,Иванов,Иван,Иванович,male,1990-13-28,+79009990002,ivan@example.org,worker,учитель,2026-10-01,2026-10-01',
    ]),
  )
  await look(page, 'registrar-import')
  await page.getByTestId('import-send').click()
  await expect(page.getByTestId('import-status')).toHaveAttribute('data-status', 'done')
  await expect(page.getByTestId('import-created')).toContainText('1')
  await expect(page.getByTestId('import-rejected')).toContainText('1')
  await expect(page.getByTestId('rejected-rows')).toContainText('P-NOWHERE')
  await look(page, 'registrar-refused')

  await page.getByTestId('nav-members').click()
  await page.getByTestId('member-search').fill('Константинопольская')
  await page.getByTestId('member-row').filter({ hasText: 'Константинопольская' }).click()
  await expect(page.getByTestId('member-record')).toContainText('anna@example.org')
  await expect(page.getByTestId('member-card')).toHaveCount(1)
  await page.getByTestId('give-plastic').click()
  await expect(page.getByTestId('member-card')).toHaveCount(2)
  await look(page, 'registrar-member')
})
