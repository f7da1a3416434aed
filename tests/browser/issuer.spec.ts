/** Plastic from the member's wish to the holder's hands, and how it looks. */
import { expect } from '@playwright/test'
import { DESK, look, memberAt, PHONE, signInMember, signInStaff, test } from './people'

test('plastic is ordered by a member, printed, spoiled, printed again and handed out', async ({ visit }) => {
  test.setTimeout(120_000)
  const phone = await visit('/', { viewport: PHONE })
  const { email } = memberAt(14)
  await signInMember(phone, email)
  await phone.getByTestId('settings').click()
  await phone.getByTestId('order-plastic').click()
  await expect(phone.getByTestId('plastic-status')).toContainText('заказана')

  const office = await visit('/office', { viewport: DESK })
  await signInStaff(office, 'issuer')
  await expect(office.getByTestId('waiting-print')).toContainText(/[1-9]/)
  await look(office, 'issuer-today')
  await office.getByTestId('nav-printing').click()
  // Every organisation that has cards to print: one batch each.
  await office.getByTestId('print-make').first().click()
  await office.getByTestId('print-send').waitFor()
  await expect(office.getByTestId('printed-card').first()).toContainText('ждёт выдачи')
  await look(office, 'issuer-batch')
  await office.getByTestId('print-send').click()
  await office.getByTestId('print-receive').click()
  await expect(office.getByTestId('print-receive')).toHaveCount(0)

  const first = office.getByTestId('printed-card').first()
  await first.getByRole('checkbox').check()
  await office.getByTestId('spoil').click()
  await office.getByTestId('spoil-note').fill('полоса на лице')
  await look(office, 'issuer-spoil')
  await office.getByTestId('spoil-confirm').click()
  await expect(first).toContainText('брак')

  await office.getByTestId('nav-printing').click()
  await office.getByTestId('print-make').first().click()
  await office.getByTestId('print-receive').click()
  await office.getByTestId('printed-card').first().getByRole('checkbox').check()
  await office.getByTestId('hand-out').click()
  await expect(office.getByTestId('printed-card').first()).toContainText('выдана')
  await look(office, 'issuer-handed-out')
})

test('an organisation’s cards get a design of their own, seen before it is stored', async ({ visit }) => {
  for (const viewport of [DESK, PHONE]) {
    const page = await visit('/office', { viewport, theme: viewport === PHONE ? 'dark' : 'light' })
    await signInStaff(page, 'issuer')
    if (viewport === PHONE) await page.getByRole('banner').getByRole('button').click()
    await page.getByTestId('nav-designs').click()
    await expect(page.getByTestId('design-preview')).toBeVisible()
    await page.getByLabel('Заголовок').fill('Профсоюз работников образования')
    await expect(page.getByTestId('design-preview')).toBeVisible()
    await look(page, viewport === PHONE ? 'issuer-design-phone' : 'issuer-design')
    if (viewport === DESK) {
      await page.getByTestId('design-store').click()
      await expect(page.getByTestId('announcement')).not.toBeEmpty()
    }
  }
})

test('a card is found by a barcode of an old till and blocked', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE, refusals: [409] })
  await signInMember(phone, memberAt(15).email)
  const number = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16)
  const office = await visit('/office', { viewport: DESK })
  await signInStaff(office, 'issuer')
  await office.getByTestId('nav-cards').click()
  await office.getByTestId('card-search').fill(number)
  await office.getByTestId('card-find').click()
  await office.getByTestId('card-row').click()
  await office.getByTestId('card-block').click()
  await look(office, 'issuer-block')
  await office.getByTestId('block-confirm').click()
  await expect(office.getByTestId('card-record')).toContainText('заблокирована')
  await phone.reload()
  await expect(phone.getByText('Карта заблокирована').first()).toBeVisible()
})
