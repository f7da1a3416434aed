/**
 * The service worker: pages open without network. What each page needs is listed by the build (vite.config.ts) and kept
 * whole, so that a page and its scripts are always of one version; a new version takes over when the old one's pages
 * are closed. The API is never answered from here.
 */
export {}

declare const self: {
  addEventListener: (kind: string, listener: (event: WorkerEvent) => void) => void
  clients: { claim: () => Promise<void> }
  location: Location
}

interface WorkerEvent {
  waitUntil: (work: Promise<unknown>) => void
  respondWith: (answer: Promise<Response>) => void
  request: Request
  data: unknown
}

interface Precache {
  version: string
  /** What each page needs, by its path. */
  pages: Record<string, string[]>
}

declare const __PRECACHE__: Precache

const { version, pages } = __PRECACHE__
const CACHE = `unioncard-${version}`

/** The member's page comes with the worker; the till asks for its own when it is opened. */
self.addEventListener('install', (event) => event.waitUntil(keep('/')))

self.addEventListener('activate', (event) => event.waitUntil(takeOver()))

self.addEventListener('message', (event) => {
  if (typeof event.data === 'string' && event.data in pages) event.waitUntil(keep(event.data))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  const ours = request.method === 'GET' && url.origin === self.location.origin
  const page = request.mode === 'navigate' && url.pathname in pages
  const file = url.pathname.startsWith('/assets/') || /^\/(icon|manifest)/.test(url.pathname)
  if (ours && (page || file)) event.respondWith(answer(request, url.pathname))
})

async function keep(page: string): Promise<void> {
  const cache = await caches.open(CACHE)
  const wanted = [page, ...(pages[page] ?? [])]
  const held = new Set((await cache.keys()).map(({ url }) => new URL(url).pathname))
  await cache.addAll(wanted.filter((path) => !held.has(path)))
}

async function takeOver(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith('unioncard-') && name !== CACHE)
  await Promise.all(old.map((name) => caches.delete(name)))
  await self.clients.claim()
}

async function answer(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(CACHE)
  const kept = await cache.match(path, { ignoreVary: true })
  return kept ?? fetch(request)
}
