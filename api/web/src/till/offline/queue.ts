/** Purchases made without network: kept on this till, sent by themselves, told when they are refused. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { Purchase } from '../../api/types'
import { readAll, remove, write } from '../../offline/store'

export interface Queued {
  /** Outlet and receipt: a purchase is queued once. */
  id: string
  outlet: string
  receipt: string
  amount: string
  proof: string
  occurredAt: string
  /** Why the server wouldn't take it; it waits for somebody to look. */
  refused?: string
}

const EVERY_MS = 5_000
const LOCK = 'unioncard.till.queue'

export function idOf(outlet: string, receipt: string): string {
  return `${outlet}\n${receipt}`
}

/** The queue of an outlet, the oldest first, and the ways to add to it and to clear what was refused. */
export function useQueue(outlet: string, onSent: (purchase: Purchase, queued: Queued) => void) {
  const queries = useQueryClient()
  const query = useQuery({
    queryKey: ['queue', outlet],
    queryFn: async () => {
      const all = await readAll<Queued>('queue').catch(() => [])
      const ours = all.filter((one) => one.outlet === outlet)
      return ours.toSorted((a, b) => a.occurredAt.localeCompare(b.occurredAt))
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
  const again = useCallback(
    () => queries.invalidateQueries({ queryKey: ['queue', outlet] }),
    [queries, outlet],
  )
  useEffect(() => {
    const send = () =>
      void sendAll(outlet, onSent)
        .then((changed) => (changed ? again() : undefined))
        .catch(() => undefined)
    send()
    const timer = setInterval(send, EVERY_MS)
    addEventListener('online', send)
    return () => {
      clearInterval(timer)
      removeEventListener('online', send)
    }
  }, [outlet, onSent, again])
  const add = useCallback(
    async (one: Queued) => {
      await write('queue', one)
      await again()
    },
    [again],
  )
  const drop = useCallback(
    async (id: string) => {
      await remove('queue', id)
      await again()
    },
    [again],
  )
  return { rows: query.data ?? [], add, drop }
}

/** Sends what waits, one after the other; one tab at a time. Whether anything changed. */
async function sendAll(
  outlet: string,
  onSent: (purchase: Purchase, queued: Queued) => void,
): Promise<boolean> {
  const work = async () => {
    let changed = false
    const waiting = (await readAll<Queued>('queue')).filter((one) => one.outlet === outlet && !one.refused)
    for (const one of waiting) {
      const outcome = await sendOne(one)
      if (outcome === 'later') return changed
      if (outcome !== 'refused') onSent(outcome, one)
      changed = true
    }
    return changed
  }
  if (!navigator.locks) return work()
  return navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => (lock ? work() : false))
}

async function sendOne(one: Queued): Promise<Purchase | 'later' | 'refused'> {
  const { outlet, receipt, amount, proof, occurredAt } = one
  const body = { outlet, receipt, amount, proof, occurred_at: occurredAt }
  try {
    const purchase = await ask(api.POST('/v1/purchases', { body }))
    await remove('queue', one.id)
    return purchase
  } catch (error) {
    const problem = asProblem(error)
    // Without network or session, or with a server that is busy, it is sent later; the receipt keeps it single.
    if (problem.offline || problem.status >= 500 || [401, 403, 429].includes(problem.status)) return 'later'
    const [first] = problem.errors
    await write('queue', { ...one, refused: problem.detail || first?.detail || problem.title })
    return 'refused'
  }
}
