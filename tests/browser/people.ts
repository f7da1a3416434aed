/** People in front of the pages: windows that notice whatever goes wrong in them, sign-ins, and a look at a page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  type APIRequestContext,
  type APIResponse,
  type BrowserContext,
  type BrowserContextOptions,
  test as base,
  expect,
  type Locator,
  type Page,
} from '@playwright/test'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const PHONE = { width: 360, height: 780 }
export const DESK = { width: 1440, height: 900 }

/** A camera that shows a film, and whose use nobody is asked about. */
const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']

interface Visit extends BrowserContextOptions {
  /** Statuses the server is meant to answer with; Chromium reports each to the console. */
  refusals?: number[]
  /** The story cuts the network: Chromium reports each request that fails by it. */
  cut?: boolean
  /** How far this device's clock is ahead. */
  clockAheadMinutes?: number
  /** Other people's sites that the story ends up at: they answer with an empty page. */
  away?: string[]
  /** A folder that outlives the device's restart: with it, what the device kept is there again. */
  profile?: string
  /** What this device's camera sees: a film (`film.ts`). */
  camera?: string
  theme?: 'light' | 'dark'
  language?: 'ru' | 'en'
}

interface Fixtures {
  /** Opens a page in a browser of its own. */
  visit: (path: string, visit?: Visit) => Promise<Page>
}

export const test = base.extend<Fixtures>({
  visit: async ({ browser, playwright, launchOptions }, use) => {
    const wrong: string[] = []
    const contexts: BrowserContext[] = []
    const devices: { close: () => Promise<void> }[] = []
    await use(async (path, visited = {}) => {
      const { refusals = [], cut = false, clockAheadMinutes, away = [], camera, profile, ...rest } = visited
      const { theme = 'light', language, ...options } = rest
      const baseURL = process.env.BROWSER_BASE ?? ''
      let device = browser
      if (camera) {
        const args = [...(launchOptions.args ?? []), ...CAMERA, `--use-file-for-fake-video-capture=${camera}`]
        device = await playwright.chromium.launch({ ...launchOptions, args })
        devices.push(device)
      }
      const looks = {
        baseURL,
        colorScheme: theme,
        reducedMotion: 'reduce',
        extraHTTPHeaders: { 'X-Forwarded-For': household() },
        ...options,
      } as const
      const context = profile
        ? await playwright.chromium.launchPersistentContext(profile, { ...launchOptions, ...looks })
        : await device.newContext(looks)
      contexts.push(context)
      if (language) {
        await context.addInitScript((to) => localStorage.setItem('unioncard.language', to), language)
      }
      if (clockAheadMinutes) await context.addInitScript(shiftClock, clockAheadMinutes * 60_000)
      for (const origin of away) {
        await context.route(`${origin}/**`, (route) => route.fulfill({ contentType: 'text/html', body: 'away' }))
      }
      const page = await context.newPage()
      watch(page, [baseURL, ...away], { refusals, cut }, wrong)
      await page.goto(path)
      return page
    })
    // What is on its way is heard first; what closing cuts off went wrong for nobody.
    const pages = contexts.flatMap((context) => context.pages())
    await Promise.all(pages.map((page) => page.evaluate(() => undefined)))
    const seen = [...wrong]
    for (const open of [...contexts, ...devices]) await open.close()
    expect(seen, 'errors in the console, broken policies, requests to other origins').toEqual([])
  },
})

/** An address of its own for each visitor: what is counted by address counts households, not the whole run. */
function household(): string {
  return `10.${[0, 1, 2].map(() => 1 + Math.floor(Math.random() * 250)).join('.')}`
}

/** Runs in the page: its clock shows another time, which goes on as fast. */
function shiftClock(ahead: number): void {
  const Real = Date
  class Shifted extends Real {
    constructor(...given: [] | [number | string | Date]) {
      super(...((given.length === 0 ? [Real.now() + ahead] : given) as [number]))
    }
    static override now(): number {
      return Real.now() + ahead
    }
  }
  globalThis.Date = Shifted as DateConstructor
}

/** Chromium reports breaches of the content security policy to the console as well. */
function watch(
  page: Page,
  origins: string[],
  { refusals, cut }: { refusals: number[]; cut: boolean },
  wrong: string[],
): void {
  page.on('console', (message) => {
    if (message.type() !== 'error') return
    if (cut && /net::ERR_(INTERNET_DISCONNECTED|FAILED)/.test(message.text())) return
    // The machine's, not the page's: it asks again.
    if (/net::ERR_NETWORK_CHANGED/.test(message.text())) return
    const status = /status of (\d{3})/.exec(message.text())?.[1]
    if (!status || !refusals.includes(Number(status))) {
      wrong.push(`${page.url()}: ${message.text()} (${message.location().url})`)
    }
  })
  page.on('pageerror', (error) => {
    // No error by the standard: what is left to be told is told with the next frame.
    if (!error.message.startsWith('ResizeObserver loop')) wrong.push(`${page.url()}: ${error.stack ?? error}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (/^(http|ws)/.test(url.protocol) && !origins.includes(url.origin)) wrong.push(`${page.url()} asked ${url}`)
  })
}

interface Credentials {
  staff: { role: string; email: string; password: string; partner?: string }[]
  partners: { code: string; client_id: string; client_secret: string }[]
  members: { membership_number: string; email: string }[]
}

function data(): string {
  return process.env.BROWSER_DATA ?? ''
}

export function credentials(): Credentials {
  return JSON.parse(readFileSync(join(data(), 'demo-credentials.json'), 'utf8'))
}

/**
 * A member of the demo by its place in the told ones. Two stories run at once, so each takes members of its own:
 * a code, a frozen account or a merged record of one must not meet another.
 */
export function memberAt(place: number): Credentials['members'][number] {
  const member = credentials().members[place]
  if (!member) throw new Error(`the demo tells fewer than ${place + 1} members`)
  return member
}

/** The letters to an address, as files of the server, oldest first. */
function lettersTo(email: string): string[] {
  const folder = join(data(), 'mail')
  // Made with the first letter.
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((name) => name.endsWith('.eml'))
  const texts = files.sort().map((name) => readFileSync(join(folder, name), 'utf8'))
  return texts.filter((text) => new RegExp(`^To:.*${email}`, 'im').test(text))
}

/** The code in the plain part of a letter, which is in base64 or as it is. */
function codeIn(letter: string): string | undefined {
  const [, encoded] = /text\/plain[\s\S]*?base64\s+([A-Za-z0-9+/=\s]+?)\r?\n(?:\r?\n|--)/i.exec(letter) ?? []
  const text = encoded ? Buffer.from(encoded, 'base64').toString('utf8') : letter
  return /(?<!\d)\d{6}(?!\d)/.exec(text.slice(encoded ? 0 : text.indexOf('text/plain')))?.[0]
}

function codesTo(email: string): string[] {
  return lettersTo(email).flatMap((letter) => codeIn(letter) ?? [])
}

export async function signInMember(page: Page, email: string): Promise<void> {
  await enterCode(page, email)
  await page.getByTestId('card-qr').waitFor()
}

/** Signs a member in at whichever page asks for it. */
export async function enterCode(page: Page, email: string): Promise<void> {
  const before = codesTo(email).length
  await page.getByTestId('email').fill(email)
  await page.getByTestId('sign-in').click()
  await page.getByTestId('code').waitFor()
  await expect.poll(() => codesTo(email).length, 'a letter with a code').toBeGreaterThan(before)
  await page.getByTestId('code').fill(codesTo(email).at(-1) ?? '')
  await page.getByTestId('sign-in').click()
  await page.getByTestId('code').waitFor({ state: 'detached' })
}

export async function signInStaff(page: Page, role: string, partner?: string): Promise<void> {
  const who = credentials().staff.find((one) => one.role === role && (!partner || one.partner === partner))
  if (!who) throw new Error(`the demo has no ${role}`)
  await page.getByTestId('email').fill(who.email)
  await page.getByTestId('password').fill(who.password)
  await page.getByTestId('sign-in').click()
  await page.getByTestId('password').waitFor({ state: 'detached' })
}

/** Opens a card's record in the office, by its number. */
export async function openCard(office: Page, number: string): Promise<void> {
  await office.getByTestId('nav-cards').click()
  await office.getByTestId('card-search').fill(number)
  await office.getByTestId('card-find').click()
  await office.getByTestId('card-row').click()
}

/** A cashier of the market at its first outlet, ready to scan. */
export async function signInCashier(page: Page): Promise<void> {
  await signInStaff(page, 'cashier', 'market')
  await page.getByTestId('outlet').first().click()
  await page.getByTestId('code-field').waitFor()
}

/** A partner's program, with a token of its own. */
export async function partnerProgram(
  request: APIRequestContext,
  code: string,
): Promise<{ post: (path: string, data: object) => Promise<APIResponse> }> {
  const base = process.env.BROWSER_BASE ?? ''
  const client = credentials().partners.find((partner) => partner.code === code)
  if (!client) throw new Error(`the demo has no partner ${code}`)
  const { client_id, client_secret } = client
  const answer = await request.post(`${base}/v1/oauth/token`, {
    form: { grant_type: 'client_credentials', client_id, client_secret },
  })
  const { access_token } = await answer.json()
  const headers = { authorization: `Bearer ${access_token}` }
  return { post: (path, data) => request.post(`${base}${path}`, { headers, data }) }
}

/** Chooses an organisation by its code where a list is asked for while one types. */
export async function pick(within: Page | Locator, label: string, code: string): Promise<void> {
  const box = within.getByRole('combobox', { name: label })
  // What was typed before the list came first may be taken back by it.
  await expect(async () => {
    await box.fill(code)
    await box.page().getByRole('option', { name: code }).click({ timeout: 3_000 })
    await expect(box).toHaveValue(new RegExp(code), { timeout: 1_000 })
  }).toPass({ timeout: 20_000 })
}

/** What a till of the market in Moscow prints now, on a drive nobody registered yet. */
export function receiptOfMarket(sum: string, document: number): string {
  const [date = '', clock = ''] = new Date(Date.now() + 3 * 3_600_000).toISOString().split('T')
  const printed = `${date.replaceAll('-', '')}T${clock.slice(0, 5).replace(':', '')}`
  return `t=${printed}&s=${sum}&fn=9999${String(Date.now()).slice(-12)}&i=${document}&fp=1&n=1`
}

interface Violation {
  id: string
  impact: string
  nodes: { html: string; failureSummary: string }[]
}

/** All a page can look like: on a phone and a desk, in the light and in the dark. */
const LOOKS = [
  { name: 'phone-light', viewport: PHONE, theme: 'light' },
  { name: 'phone-dark', viewport: PHONE, theme: 'dark' },
  { name: 'desk-light', viewport: DESK, theme: 'light' },
  { name: 'desk-dark', viewport: DESK, theme: 'dark' },
] as const

/** Looks at a page from all sides, and leaves it in the light and as large as it was. */
export async function lookAround(page: Page, name: string): Promise<void> {
  const before = page.viewportSize() ?? DESK
  for (const { name: side, viewport, theme } of LOOKS) {
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme: theme })
    await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', theme)
    await look(page, `${name}-${side}`)
  }
  await page.setViewportSize(before)
  await page.emulateMedia({ colorScheme: 'light' })
}

/** The page in a language, from its beginning. */
export async function speak(page: Page, language: 'ru' | 'en'): Promise<void> {
  await page.evaluate((to) => localStorage.setItem('unioncard.language', to), language)
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('lang', language)
}

/** Keeps a picture of the page; it must not scroll sideways, and axe must find nothing serious in it. */
export async function look(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: `screenshots/${name}.png`, animations: 'disabled' })
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(wide, `${name} is wider than its window`).toBeLessThanOrEqual(0)
  await page.evaluate(axe)
  const found: Violation[] = await page.evaluate(async () => {
    const run = (
      globalThis as unknown as { axe: { run: (o: object) => Promise<{ violations: Violation[] }> } }
    ).axe
    return (await run.run({ resultTypes: ['violations'], preload: false })).violations
  })
  const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)
  expect(told, `what axe finds on ${name}`).toEqual([])
}
