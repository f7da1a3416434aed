/** Every page at rest: on a phone and a desk, in the light and in the dark, in both languages. */
import { expect } from '@playwright/test'
import { DESK, look, memberAt, PHONE, signInCashier, signInMember, signInStaff, test } from './people'

const LOOKS = [
  { name: 'phone-dark-en', viewport: PHONE, theme: 'dark', language: 'en' },
  { name: 'desk-dark-ru', viewport: DESK, theme: 'dark', language: 'ru' },
] as const

for (const { name, ...visit_ } of LOOKS) {
  test(`the member's page, ${name}`, async ({ visit }) => {
    const page = await visit('/', visit_)
    await page.getByTestId('email').waitFor()
    await look(page, `sign-in-${name}`)
    await signInMember(page, memberAt(name === 'phone-dark-en' ? 9 : 10).email)
    await page.getByTestId('operation').first().waitFor()
    await look(page, `member-${name}`)
    await page.getByTestId('settings').click()
    await page.getByTestId('sign-out').waitFor()
    await look(page, `settings-${name}`)
  })

  test(`the till, ${name}`, async ({ visit }) => {
    const page = await visit('/till', visit_)
    await signInCashier(page)
    await look(page, `till-${name}`)
    await page.getByTestId('settings').click()
    await page.getByTestId('sign-out').waitFor()
    await look(page, `till-settings-${name}`)
  })

  test(`the office, ${name}`, async ({ visit }) => {
    const page = await visit('/office', visit_)
    await signInStaff(page, 'auditor')
    await page.getByRole('main').getByRole('link').first().waitFor()
    await look(page, `office-${name}`)
    for (const section of ['members', 'organisations', 'ledger', 'registers', 'rules', 'partners']) {
      if (visit_.viewport === PHONE) await page.getByRole('banner').getByRole('button').click()
      await page.getByTestId(`nav-${section}`).click()
      await page.getByRole('main').getByRole('row').nth(1).waitFor()
      await look(page, `office-${section}-${name}`)
    }
  })

  test(`the reference of the API, ${name}`, async ({ visit }) => {
    const page = await visit('/docs', visit_)
    await page.getByTestId('docs-search').fill('refunds')
    await expect(page.getByTestId('route')).toHaveCount(1)
    await page.getByTestId('route').getByRole('button').first().click()
    await page.getByRole('button', { name: 'LineBody[]' }).click()
    await look(page, `docs-${name}`)
  })
}
