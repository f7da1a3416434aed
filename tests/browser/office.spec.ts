/** The office at work: the books down to a purchase, a register's outcomes, an import's refusals, a card given. */
import { expect, type Page } from '@playwright/test'
import { look, lookAround, memberAt, PHONE, partnerProgram, pick, signInMember, signInStaff, test } from './people'

const file = (name: string, lines: string[]) => ({
  name,
  mimeType: 'text/csv',
  buffer: Buffer.from(`${lines.join('\n')}\n`),
})

/** Opens the upload of a register, for the market's. */
async function chooseMarketForRegister(page: Page): Promise<void> {
  await page.getByTestId('nav-registers').click()
  await page.getByTestId('register-upload').click()
  await page.getByTestId('register-partner').click()
  await page.getByRole('option', { name: 'Супермаркет «Соседи»' }).click()
}

test('finance opens a balance down to the purchase behind it', async ({ visit, request }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(20).email)
  const receipt = `LEDGER-${Date.now()}`
  const sold = {
    card_number: (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16),
    outlet: 'market-1',
    receipt,
    occurred_at: new Date(Date.now() - 1_000).toISOString(),
    amount: '640.00',
  }
  const program = await partnerProgram(request, 'market')
  expect((await program.post('/v1/purchases', sold)).status()).toBe(201)

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

  await page
    .getByTestId('trial-balance')
    .getByRole('row')
    .filter({ hasText: 'Соседи' })
    .first()
    .getByRole('link')
    .click()
  await page.getByTestId('postings').waitFor()
  await look(page, 'finance-postings')
  const posting = page.getByTestId('postings').getByRole('row').filter({ hasText: receipt })
  await posting.getByRole('cell').first().click()
  await page.getByTestId('record').getByTestId('purchase-detail').waitFor()
  await posting.getByRole('link', { name: receipt }).click()
  await expect(page.getByTestId('purchase-detail')).toContainText('5 %')
  await expect(page.getByTestId('purchase-detail')).toContainText('640,00')
  await look(page, 'finance-purchase')
})

test('finance uploads a register and sees what became of its rows', async ({ visit, request }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(4).email)
  const card = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16)
  const at = new Date(Date.now() - 60_000).toISOString()
  const program = await partnerProgram(request, 'market')
  for (const receipt of ['W-SAME', 'W-OTHER']) {
    const sold = { card_number: card, outlet: 'market-2', receipt, occurred_at: at, amount: '200.00' }
    expect((await program.post('/v1/purchases', sold)).status()).toBe(201)
  }

  const page = await visit('/office')
  await signInStaff(page, 'finance')
  await chooseMarketForRegister(page)
  await page
    .getByTestId('register-file')
    .setInputFiles(
      file('register.csv', [
        'outlet,receipt,occurred_at,card_number,amount,category,kind,reference',
        `market-2,W-SAME,${at},${card},200.00,,sale,`,
        `market-2,W-OTHER,${at},${card},250.00,,sale,`,
        `market-2,W-MISSING,${at},${card},300.00,,sale,`,
        `market-2,W-MISSING,${at},${card},300.00,,sale,`,
        `market-2,W-NOBODY,${at},9643010000000007,100.00,,sale,`,
      ]),
    )
  await look(page, 'finance-upload')
  await page.getByTestId('register-send').click()
  await expect(page.getByTestId('register-status')).toHaveAttribute('data-status', 'done')
  for (const outcome of ['matched', 'amount_differs', 'posted', 'duplicate', 'rejected']) {
    await expect(page.getByTestId(`outcome-${outcome}`)).toContainText(/\D1$/)
  }
  await page.getByTestId('outcome-rejected').click()
  await page.getByTestId('register-line').filter({ hasText: 'W-NOBODY' }).click()
  await expect(page.getByTestId('record')).toContainText('нет такой карты')
  await page.getByTestId('outcome-amount_differs').click()
  await page.getByTestId('register-line').filter({ hasText: 'W-OTHER' }).click()
  await expect(page.getByTestId('record')).toContainText('250,00')
  await expect(page.getByTestId('record')).toContainText('200,00')
  await look(page, 'finance-register')

  // What one side alone has shows when the file is only compared.
  await chooseMarketForRegister(page)
  await page.getByRole('radio', { name: 'Только сверить' }).check()
  await page
    .getByTestId('register-file')
    .setInputFiles(
      file('compared.csv', [
        'outlet,receipt,occurred_at,card_number,amount,category,kind,reference',
        `market-2,W-SAME,${at},${card},200.00,,sale,`,
        `market-2,W-THEIRS,${at},${card},300.00,,sale,`,
      ]),
    )
  await page.getByTestId('register-send').click()
  await expect(page.getByTestId('register-status')).toHaveAttribute('data-status', 'done')
  await expect(page.getByTestId('outcome-matched')).toContainText(/\D1$/)
  await page.getByTestId('outcome-only_theirs').click()
  await expect(page.getByTestId('register-line').filter({ hasText: 'W-THEIRS' })).toBeVisible()
  await page.getByTestId('outcome-only_ours').click()
  await expect(page.getByTestId('register-line').filter({ hasText: 'W-OTHER' })).toBeVisible()
  await look(page, 'finance-compared')
})

test('a registrar imports members, sees why a row was refused, and gives a card', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'registrar')
  await look(page, 'registrar-today')
  await page.getByTestId('nav-imports').click()
  await page
    .getByTestId('import-file')
    .setInputFiles(
      file('new.csv', [
        'membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,category,position,joined_on,consent_on',
        '900000001,P-000001,Константинопольская-Заблоцкая,Анна-Мария,О’Коннор,female,1990-02-28,+79009990001,anna@example.org,worker,учитель,2026-10-01,2026-10-02',
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
  await expect(page.getByTestId('member-record')).toContainText('2 октября 2026')
  await expect(page.getByTestId('member-card')).toHaveCount(1)
  await page.getByTestId('give-plastic').click()
  await expect(page.getByTestId('member-card')).toHaveCount(2)
  await look(page, 'registrar-member')
})

test('who left is taken back for a reason that stays in the record', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'registrar')
  await page.getByTestId('nav-members').click()
  // Beyond the members whose logins are told.
  await page.getByTestId('member-search').fill('000000401')
  await page.getByTestId('member-row').filter({ hasText: '000000401' }).click()
  await page.getByTestId('leave').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Причина').fill('ошибка в списке')
  await dialog.getByRole('button').last().click()
  await page.getByTestId('readmit').click()
  await pick(dialog, 'Куда', 'P-000002')
  await expect(page.getByTestId('readmit-confirm')).toBeDisabled()
  await page.getByTestId('readmit-reason').fill('вернули по заявлению')
  await look(page, 'registrar-readmit')
  await page.getByTestId('readmit-confirm').click()
  await expect(page.getByTestId('member-record')).toContainText('«вернули по заявлению»')
  await expect(page.getByTestId('member-record')).toContainText('«ошибка в списке»')
  await look(page, 'registrar-readmitted')
})

test('finance changes a partner’s terms, told at the field what is wrong', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'finance')
  await page.getByTestId('nav-partners').click()
  await page.getByTestId('partner-row').filter({ hasText: 'Здравник' }).click()
  const record = page.getByTestId('partner-record')
  await expect(record.getByTestId('partner-rate')).toHaveCount(1)
  await expect(record.getByTestId('partner-commission')).toHaveValue('1,5')
  await expect(page.getByTestId('partner-save')).toBeDisabled()
  await record.getByTestId('partner-commission').fill('101')
  await expect(record).toContainText('процент от 0 до 100')
  await expect(page.getByTestId('partner-save')).toBeDisabled()
  await record.getByTestId('partner-commission').fill('1,75')
  await record.getByTestId('partner-least').fill('10')
  await record.getByTestId('partner-counter').check({ force: true })
  await page.getByTestId('partner-save').click()
  await expect(record.getByTestId('partner-rate')).toHaveCount(2)
  await expect(record.getByTestId('partner-rate').first()).toContainText('1,75')
  await expect(record.getByTestId('partner-least')).toHaveValue('10,00')
  await expect(page.getByTestId('partner-save')).toBeDisabled()
  await lookAround(page, 'finance-partner')

  const administrator = await visit('/office', { viewport: PHONE })
  await signInStaff(administrator, 'administrator')
  await administrator.goto('/office#/partners/pharmacy')
  await expect(administrator.getByTestId('partner-commission')).toHaveValue('1,75')
  const auditor = await visit('/office')
  await signInStaff(auditor, 'auditor')
  await auditor.goto('/office#/partners/pharmacy')
  await expect(auditor.getByTestId('partner-record')).toContainText('1,75')
  await expect(auditor.getByTestId('partner-save')).toHaveCount(0)
})

test('an administrator changes the settings, finance reads them', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'administrator')
  await page.getByTestId('nav-settings').click()
  const save = page.getByTestId('save-settings')
  await expect(save).toBeDisabled()
  const categories = page.getByTestId('excluded-categories')
  await categories.fill('gifts')
  await categories.press('Enter')
  await look(page, 'settings')
  await save.click()
  await expect(save).toBeDisabled()
  await page.reload()
  await expect(page.getByText('gifts', { exact: true })).toBeVisible()

  const reader = await visit('/office', { viewport: PHONE, theme: 'dark', language: 'en' })
  await signInStaff(reader, 'finance')
  await reader.goto('/office#/settings')
  await expect(reader.getByText('gifts', { exact: true })).toBeVisible()
  await expect(reader.getByTestId('save-settings')).toBeHidden()
  await look(reader, 'settings-read')
})
