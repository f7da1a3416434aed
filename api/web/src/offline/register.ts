/** Starts the service worker and lets it keep what this page needs. */

export function workOffline(page: '/' | '/till'): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  navigator.serviceWorker
    .register('/sw.js')
    .then(() => navigator.serviceWorker.ready)
    .then(({ active }) => active?.postMessage(page))
    // Without a worker the page works as ever, with network.
    .catch(() => undefined)
}
