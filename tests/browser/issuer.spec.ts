/** The issuer's desk: how an organisation's cards look. */
import { expect } from '@playwright/test'
import { DESK, look, PHONE, signInStaff, test } from './people'

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
