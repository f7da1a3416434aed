/** Purchases looked for at an outlet. */
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { Purchase } from '../api/types'

/** The purchase of a receipt; `null` when there is none. */
export async function byReceipt(outlet: string, receipt: string): Promise<Purchase | null> {
  try {
    const found = await ask(api.GET('/v1/purchases', { params: { query: { outlet, receipt } } }))
    return 'items' in found ? null : found
  } catch (error) {
    if (asProblem(error).status === 404) return null
    throw error
  }
}

const PAGE = 100

export interface Held {
  items: Purchase[]
  next?: string | null
}

/** A page of what waits to be captured, the newest first. */
export async function authorized(outlet: string, after: string, signal: AbortSignal): Promise<Held> {
  const query = { outlet, status: 'authorized', limit: PAGE, ...(after ? { after } : {}) }
  const found = await ask(api.GET('/v1/purchases', { params: { query }, signal }))
  return 'items' in found ? found : { items: [] }
}
