/** What this browser keeps of the member's cards: looked for once, and kept current while there is network. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api, ask } from '../api/client'
import type { Card, Me } from '../api/types'
import { allDevices, type Device, forget, GIFT } from '../offline/device'

/** For browsers that are devices alone, so out of the first load. */
const keeping = () => import('../offline/provision')

const CLOCK_MS = 60_000

/** The devices of this browser; `undefined` while they are looked for. */
export function useKeptDevices(): Device[] | undefined {
  const query = useQuery({
    queryKey: ['kept-devices'],
    queryFn: async () => {
      if (location.hash.startsWith(GIFT)) {
        // A link that can't be read brings nothing.
        await import('../offline/gift').then(({ takeGift }) => takeGift()).catch(() => undefined)
      }
      return allDevices()
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
  return query.data
}

/** Looks whether this browser's devices still are devices, and renews what they show without network. */
export function useUpkeep(me: Me, cards: Card[]): void {
  const queries = useQueryClient()
  useEffect(() => {
    let over = false
    async function tend() {
      const kept = await allDevices()
      if (kept.length === 0) return
      const known = new Set(
        (await ask(api.GET('/v1/me/devices', { params: { query: { limit: 200 } } }))).items.map(
          ({ id }) => id,
        ),
      )
      for (const device of kept) {
        const card = cards.find(({ id }) => id === device.card)
        if (over) return
        if (!card || !known.has(device.device)) await forget(device.card)
        // What one card lacks, the others get all the same.
        else
          await keeping()
            .then(({ refreshed }) => refreshed(device, card, me))
            .catch(() => undefined)
        await queries.invalidateQueries({ queryKey: ['device', device.card] })
      }
      await queries.invalidateQueries({ queryKey: ['kept-devices'] })
    }
    // Without network it is done next time.
    tend().catch(() => undefined)
    return () => {
      over = true
    }
  }, [me, cards, queries])
}

/**
 * Measures how far this clock is off, each minute that the server answers: it may be set right, or wrong, at any time, also
 * where nobody is signed in.
 */
export function useMeasuredClock(kept: Device[] | undefined): void {
  const queries = useQueryClient()
  useQuery({
    queryKey: ['clock'],
    enabled: kept !== undefined && kept.length > 0,
    queryFn: async () => {
      const { measureClock } = await keeping()
      const moved = await measureClock()
      if (moved) await queries.invalidateQueries({ queryKey: ['code'] })
      return moved
    },
    retry: false,
    gcTime: 0,
    staleTime: 0,
    refetchInterval: CLOCK_MS,
    refetchOnWindowFocus: 'always',
    refetchOnReconnect: 'always',
  })
}
