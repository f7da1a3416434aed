/** Every page at rest: on a phone and a desk, in the light and in the dark, in both languages. */
import { expect, type Page } from '@playwright/test'
import { lookAround, memberAt, signInCashier, signInMember, signInStaff, speak, test } from './people'

// One sign-in a page: languages, themes and windows change in place.
test.describe.configure({ mode: 'parallel' })

const LANGUAGES = ['ru', 'en'] as const
/** Script that the member's entry may weigh, compressed, until the card is there (design of the pages). */
const ENTRY_BYTES_MAX = 170_000

/** Bytes of script that came over the wire for this page so far. */
function scriptBytes(page: Page): Promise<number> {
  return page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter(({ name }) => new URL(name).pathname.endsWith('.js'))
      .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0),
  )
}

test('the member’s page', async ({ visit }) => {
  test.setTimeout(180_000)
  const page = await visit('/')
  await page.getByTestId('email').waitFor()
  for (const language of LANGUAGES) {
    await speak(page, language)
    await page.getByTestId('email').waitFor()
    await lookAround(page, `sign-in-${language}`)
  }
  await speak(page, 'ru')
  await signInMember(page, memberAt(9).email)
  for (const language of LANGUAGES) {
    await speak(page, language)
    await page.getByTestId('operation').first().waitFor()
    await lookAround(page, `member-${language}`)
    await page.getByTestId('settings').click()
    await page.getByTestId('sign-out').waitFor()
    await lookAround(page, `settings-${language}`)
  }
})

test('the member’s entry is light', async ({ visit }) => {
  const page = await visit('/')
  await signInMember(page, memberAt(10).email)
  const bytes = await scriptBytes(page)
  expect(bytes, 'script of the sign-in and the card').toBeGreaterThan(50_000)
  expect(bytes, 'script of the sign-in and the card').toBeLessThanOrEqual(ENTRY_BYTES_MAX)
})

test('the till', async ({ visit }) => {
  test.setTimeout(180_000)
  const page = await visit('/till')
  await signInCashier(page)
  for (const language of LANGUAGES) {
    await speak(page, language)
    await page.getByTestId('code-field').waitFor()
    await lookAround(page, `till-${language}`)
    await page.getByTestId('settings').click()
    await page.getByTestId('sign-out').waitFor()
    await lookAround(page, `till-settings-${language}`)
  }
})

/** The sections there are: an auditor sees them all but those that another role alone has. */
const SECTIONS = [
  ['today', 'members', 'cards', 'organisations', 'imports', 'printing', 'designs', 'wallets', 'settings'],
  ['ledger', 'registers', 'accounts', 'adjustments', 'rules', 'tiers', 'partners', 'fraud', 'claims'],
]

for (const [place, sections] of SECTIONS.entries()) {
  for (const language of LANGUAGES) {
    test(`the office, half ${place + 1}, ${language}`, async ({ visit }) => {
      test.setTimeout(240_000)
      const page = await visit('/office')
      await signInStaff(page, 'auditor')
      await speak(page, language)
      for (const section of sections) await at(page, section, language)
    })
  }
}

/** A section, once all of it is there. */
async function at(page: Page, section: string, language: string): Promise<void> {
  await page.getByTestId(`nav-${section}`).click()
  await expect(page.getByTestId(`nav-${section}`)).toHaveAttribute('aria-current', 'page')
  const main = page.getByRole('main')
  await expect(main.getByRole('heading', { level: 1 })).toBeVisible()
  await expect(main.locator('.mantine-Loader-root, .mantine-Skeleton-root')).toHaveCount(0)
  await lookAround(page, `office-${section}-${language}`)
}

test('no section of the office is left out', async ({ visit }) => {
  const page = await visit('/office')
  await signInStaff(page, 'auditor')
  const entries = page.locator('a[data-testid^="nav-"]')
  await expect(entries).toHaveCount(SECTIONS.flat().length)
  const seen = await entries.evaluateAll((all) => all.map((one) => one.getAttribute('data-testid') ?? ''))
  expect(seen.map((name) => name.replace('nav-', '')).sort()).toEqual(SECTIONS.flat().sort())
})

test('the reference of the API', async ({ visit }) => {
  const page = await visit('/docs')
  for (const language of LANGUAGES) {
    // Without the operation that was opened before.
    await page.goto('/docs')
    await speak(page, language)
    await page.getByTestId('docs-search').fill('refunds')
    await expect(page.getByTestId('route')).toHaveCount(1)
    await page.getByTestId('route').getByRole('button').first().click()
    await page.getByRole('button', { name: 'LineBody[]' }).click()
    await lookAround(page, `docs-${language}`)
  }
})
