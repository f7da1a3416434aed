/** Plastic from the member's wish to the holder's hands, and how it looks. */
import { expect } from '@playwright/test'
import { DESK, look, lookAround, memberAt, openCard, PHONE, pick, signInMember, signInStaff, test } from './people'

/** A dark disc. */
const LOGO = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAABgAAAAYCAIAAABvFaqvAAAAT0lEQVR42mP48v4RVRADzQ0SULHDhYg1CI8ReIxjIM8UTLMYyDYFzSwGSkxBNovaBpFtCtysUYNGDaKiQYMvi1Az91OzPKJmCUnNMps8BABQUdhw8LkLCQAAAABJRU5ErkJggg==',
  'base64',
)

test('plastic is ordered by a member, printed, spoiled, printed again and handed out', async ({ visit }) => {
  const ordered = async (place: number) => {
    const phone = await visit('/', { viewport: PHONE })
    await signInMember(phone, memberAt(place).email)
    await phone.getByTestId('settings').click()
    await phone.getByTestId('order-plastic').click()
    await expect(phone.getByTestId('plastic-status')).toContainText('заказана')
  }
  await ordered(14)

  const office = await visit('/office', { viewport: DESK })
  await signInStaff(office, 'issuer')
  await expect(office.getByTestId('waiting-print')).toContainText(/[1-9]/)
  await look(office, 'issuer-today')
  await office.getByTestId('nav-printing').click()
  // Every organisation that has cards to print: one batch each, as finely drawn as the plant asks.
  await office.getByTestId('print-dpi').selectOption('600')
  await lookAround(office, 'issuer-queue')
  await office.getByTestId('print-make').first().click()
  await office.getByTestId('print-send').waitFor()
  await expect(office.getByText(/· 600 точек на дюйм/)).toBeVisible()
  await expect(office.getByTestId('printed-card').first()).toContainText('ждёт выдачи')
  await look(office, 'issuer-batch')
  await office.getByTestId('print-send').click()
  await office.getByTestId('print-receive').click()
  await expect(office.getByTestId('print-receive')).toHaveCount(0)

  const first = office.getByTestId('printed-card').first()
  const number = /9643[\d\s]{15}/.exec(await first.innerText())?.[0] ?? ''
  await first.getByRole('checkbox').check()
  await office.getByTestId('spoil').click()
  await office.getByTestId('spoil-note').fill('полоса на лице')
  await look(office, 'issuer-spoil')
  await office.getByTestId('spoil-confirm').click()
  await expect(first).toContainText('брак')

  // All that waits in the union at once, the spoiled one among it.
  await ordered(30)
  await office.getByTestId('nav-printing').click()
  await pick(office, 'Чьи карты печатать', 'C-000')
  await lookAround(office, 'issuer-subtree')
  await office.getByTestId('print-make-subtree').click()
  await office.getByTestId('print-receive').click()
  await expect(office.getByTestId('print-receive')).toHaveCount(0)
  await openCard(office, number)
  const trace = office.getByTestId('print-event')
  await expect(trace).toContainText(['партию', 'завод', 'получена', 'Брак', 'партию', 'получена'])
  await expect(trace.nth(3)).toContainText('полоса на лице')
  await expect(trace.nth(3)).toContainText('@')
  await look(office, 'issuer-card-printed')
  await office.getByTestId('card-hand-out').click()
  await expect(office.getByTestId('card-record')).toContainText('действует')
  await expect(office.getByTestId('card-row')).toContainText('действует')
  await trace.nth(4).getByRole('link').click()
  await office.getByTestId('printed-card').filter({ hasText: 'ждёт выдачи' }).first().getByRole('checkbox').check()
  await office.getByTestId('hand-out').click()
  await expect(office.getByTestId('printed-card').filter({ hasText: 'выдана' })).toHaveCount(2)
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
      await expect(page.getByTestId('design-store')).toBeEnabled()
    }
  }
})

test('the card on a member’s phone gets the design of their organisation', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE })
  await signInMember(phone, memberAt(21).email)
  const face = phone.getByTestId('card-face')
  await expect(face).toHaveAttribute('data-designed', 'false')
  const code = await phone.evaluate(async () => {
    const me = await fetch('/v1/me', { headers: { 'X-Session': 'member' } })
    return (await me.json()).organisation.code
  })

  const office = await visit('/office')
  await signInStaff(office, 'issuer')
  await office.getByTestId('nav-designs').click()
  await pick(office, 'Чьи карты', code)
  await office.getByLabel('Основной цвет').fill('#f4efe2')
  await office.getByLabel('Второй цвет').fill('#ffd166')
  await office.getByLabel('Заголовок').fill('Профсоюз учителей')
  await office
    .locator('input[type=file]')
    .setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: LOGO })
  await office.getByTestId('design-store').click()
  await expect(office.getByTestId('announcement')).not.toBeEmpty()

  await phone.reload()
  await expect(face).toHaveAttribute('data-designed', 'true')
  await expect(phone.getByTestId('card-title')).toHaveText('Профсоюз учителей')
  await expect(phone.getByTestId('card-logo')).toBeVisible()
  await expect(face).toHaveCSS('color', 'rgb(20, 28, 40)')
  await lookAround(phone, 'member-designed')
})

test('an issuer orders plastic for a whole organisation and sees it done', async ({ visit }) => {
  const page = await visit('/office', { viewport: DESK })
  await signInStaff(page, 'issuer')
  await page.getByTestId('nav-printing').click()
  await page.getByTestId('order-all').click()
  const dialog = page.getByRole('dialog')
  await pick(dialog, 'Чьим членам', 'P-000030')
  await expect(page.getByTestId('order-count')).toContainText(/[1-9]\d* карт/)
  await lookAround(page, 'issuer-order')
  await page.getByTestId('order-confirm').click()
  const order = page.getByTestId('card-order').first()
  await expect(order).toHaveAttribute('data-status', 'done')
  await expect(page.getByTestId('print-waiting').filter({ hasText: 'P-000030' })).toBeVisible()
  await look(page, 'issuer-ordered')
  await page.getByTestId('order-all').click()
  await pick(dialog, 'Чьим членам', 'P-000030')
  await expect(page.getByTestId('order-count')).toContainText('карта уже есть')
  await expect(page.getByTestId('order-confirm')).toBeDisabled()
})

test('a card is found by a barcode of an old till and blocked', async ({ visit }) => {
  const phone = await visit('/', { viewport: PHONE, refusals: [409] })
  await signInMember(phone, memberAt(15).email)
  const number = (await phone.getByTestId('card-digits').innerText()).replace(/\D/g, '').slice(0, 16)
  const office = await visit('/office', { viewport: DESK })
  await signInStaff(office, 'issuer')
  await office.getByTestId('nav-cards').click()
  const find = async (what: string) => {
    await office.getByTestId('card-search').fill(what)
    await office.getByTestId('card-find').click()
    await office.getByTestId('card-row').click()
  }
  await find(number)
  const bars = /(?<!\d)2\d{12}(?!\d)/.exec(await office.getByTestId('card-record').innerText())?.[0] ?? ''
  expect(bars.slice(1, 12), 'the EAN-13 is of this number').toBe(number.slice(4, 15))
  await office.goto('/office')
  await office.getByTestId('nav-cards').click()
  await expect(office.getByTestId('card-record')).toHaveCount(0)
  await find(bars)
  await expect(office.getByTestId('card-record')).toContainText(number.slice(-4))
  await office.getByTestId('card-block').click()
  await look(office, 'issuer-block')
  await office.getByTestId('block-confirm').click()
  await expect(office.getByTestId('card-record')).toContainText('заблокирована')
  await expect(office.getByTestId('card-row'), 'and so says the list beside it').toContainText('заблокирована')
  await phone.reload()
  await expect(phone.getByText('Карта заблокирована').first()).toBeVisible()
})
