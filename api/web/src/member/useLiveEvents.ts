/** Keeps the stream of the member's changes open: reconnects with growing pauses, and when it falls silent. */
import { useEffect, useEffectEvent } from 'react'
import { sessionFetch } from '../api/session'
import { EventReader } from './sse'

/** The server says something every 15 s; twice that and a bit is silence. */
const SILENCE_MS = 40_000
const PAUSES_MS = [1_000, 2_000, 5_000, 10_000, 30_000]

/** Calls back on every `operations` event, and once after each reconnection: what was missed is asked for. */
export function useLiveEvents(onChange: () => void): void {
  const changed = useEffectEvent(onChange)
  useEffect(() => {
    const over = new AbortController()
    void listen(over.signal, () => changed())
    return () => over.abort()
  }, [])
}

async function listen(over: AbortSignal, changed: () => void): Promise<void> {
  let failures = 0
  let first = true
  while (!over.aborted) {
    try {
      await readOnce(
        over,
        () => {
          failures = 0
          if (!first) changed()
          first = false
        },
        changed,
      )
    } catch {
      failures += 1
    }
    await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 30_000, over)
  }
}

async function readOnce(over: AbortSignal, opened: () => void, changed: () => void): Promise<void> {
  const silent = new AbortController()
  let timer = setTimeout(() => silent.abort(), SILENCE_MS)
  try {
    const request = new Request('/v1/me/events', {
      headers: { Accept: 'text/event-stream' },
      cache: 'no-store',
      signal: AbortSignal.any([over, silent.signal]),
    })
    const answer = await sessionFetch(request)
    if (!answer.ok || !answer.body) throw new Error(`HTTP ${answer.status}`)
    opened()
    const events = new EventReader()
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer)
      timer = setTimeout(() => silent.abort(), SILENCE_MS)
      if (events.push(part.value).some(({ event }) => event === 'operations')) changed()
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Waits, but not past the return of the network. */
function pause(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      removeEventListener('online', done)
      over.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    addEventListener('online', done)
    over.addEventListener('abort', done)
  })
}
