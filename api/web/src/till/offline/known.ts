/** What a till keeps to check proofs without network: the published keys and the cards revoked of late. */
import { useQuery } from '@tanstack/react-query'
import { api, askWhole } from '../../api/client'
import { clockOffset } from '../../member/countdown'
import type { Jwk } from '../../offline/proof'
import { readOne, write } from '../../offline/store'

const EVERY_MS = 60_000
const PAGE = 200
/** The server tells of no card longer than a proof lives. */
const KEPT_MS = 26 * 3_600_000

interface Known {
  keys: Jwk[]
  /** Digests of revoked cards, and since when. */
  revoked: Record<string, number>
  after?: string
  /** When the server was last asked. */
  at: number
  /** What to add to this till's clock to get the server's. */
  offset: number
}

const KEY = 'proofs'

/** What is kept, whatever its age. */
export async function known(): Promise<Known> {
  const kept = await readOne<Known>('kept', KEY).catch(() => undefined)
  return { keys: [], revoked: {}, at: 0, offset: 0, ...kept }
}

/** The server's time, as far as this till knows: its own clock may be off. */
export async function serverNow(): Promise<number> {
  return Date.now() + (await known()).offset
}

/** Keeps up with the server; fails without network and is tried again. */
async function renew(): Promise<Known> {
  const before = await known()
  const asked = Date.now()
  const { data, response } = await askWhole(api.GET('/.well-known/jwks.json'))
  const { keys } = data as { keys: Jwk[] }
  const offset = clockOffset(response.headers.get('date'), asked, Date.now())
  const revoked = { ...before.revoked }
  let after = before.after
  for (let full = true; full; ) {
    const query = { limit: PAGE, ...(after ? { after } : {}) }
    const { data: page } = await askWhole(api.GET('/v1/cards/revocations', { params: { query } }))
    for (const { card, revoked: gone, at } of page.items) {
      if (gone) revoked[card] = Date.parse(at)
      else delete revoked[card]
    }
    after = page.next
    full = page.items.length === PAGE
  }
  const oldest = Date.now() + offset - KEPT_MS
  const living = Object.fromEntries(Object.entries(revoked).filter(([, at]) => at > oldest))
  const now: Known = {
    keys: keys.filter(({ kid }) => kid.startsWith('proof-')),
    revoked: living,
    at: Date.now(),
    offset,
    ...(after ? { after } : {}),
  }
  await write('kept', now, KEY)
  return now
}

/** Keeps this till able to work without network. */
export function useKeptKnown(): void {
  useQuery({ queryKey: ['proofs'], queryFn: renew, refetchInterval: EVERY_MS, retry: false })
}
