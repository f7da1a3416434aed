/** What a phone and a till keep for when there is no network, and what a phone shows. */
import { execFileSync } from 'node:child_process'
import { expect, type Page } from '@playwright/test'

/** Waits until the service worker keeps the page and all it is made of. */
export async function keptBy(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready
    for (let tries = 0; tries < 100; tries++) {
      const [name] = await caches.keys()
      const keys = name ? await (await caches.open(name)).keys() : []
      const paths = keys.map(({ url }) => new URL(url).pathname)
      if (paths.includes(location.pathname) && paths.some((path) => path.endsWith('.woff2'))) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error('the service worker keeps nothing')
  })
}

export async function qrOf(page: Page, testId: string): Promise<string> {
  return (await page.getByTestId(testId).getAttribute('data-value')) ?? ''
}

/** What ZXing reads of a picture of the page. */
export async function seenIn(page: Page, file: string): Promise<string[]> {
  await page.screenshot({ path: file, animations: 'disabled' })
  return JSON.parse(execFileSync(process.execPath, ['../readers/zxing.mjs', file], { encoding: 'utf8' }))
}

/** What a till keeps to check proofs, once it keeps it. */
export function keptProofs(till: Page): Promise<{ keys: unknown[]; revoked: Record<string, number> } | undefined> {
  return till.evaluate(async () => {
    const made = await indexedDB.databases()
    // Opened before the page has made it, it would be made without anything in it.
    if (!made.some(({ name }) => name === 'unioncard')) return undefined
    return new Promise((done, failed) => {
      const opening = indexedDB.open('unioncard')
      opening.onerror = () => failed(opening.error)
      opening.onsuccess = () => {
        const getting = opening.result.transaction('kept').objectStore('kept').get('proofs')
        getting.onerror = () => failed(getting.error)
        getting.onsuccess = () => {
          opening.result.close()
          done(getting.result)
        }
      }
    })
  })
}

/** The proof that a member's phone shows. */
export async function proofOf(phone: Page): Promise<string> {
  await phone.getByTestId('show-large').click()
  await phone.getByTestId('at-till-way').getByText('Касса без сети').click()
  const proof = await qrOf(phone, 'at-till-proof')
  expect(proof).toMatch(/^\d{192}$/)
  await phone.getByTestId('at-till-close').click()
  return proof
}
