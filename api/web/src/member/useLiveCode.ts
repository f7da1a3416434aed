/** The live code of a card: asked anew when its step is over, and again and again when the network is gone. */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, askWhole } from '../api/client'
import type { Problem } from '../api/problem'
import type { Code } from '../api/types'
import { clockOffset, type Life, lifeLeft } from './countdown'

const RETRY_MS = 3_000
const TICK_MS = 250
/** Asked a little after the step's end, so that the answer is the next one. */
const AFTER_MS = 150

interface Timed {
  code: Code
  offset: number
}

export interface LiveCode {
  code: Code | undefined
  life: Life | undefined
  problem: Problem | null
}

export function useLiveCode(card: string, enabled: boolean): LiveCode {
  const query = useQuery<Timed, Problem>({
    queryKey: ['code', card],
    enabled,
    retry: false,
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: 'always',
    refetchOnReconnect: 'always',
    refetchInterval: ({ state }) => {
      if (state.status === 'error' || !state.data) return RETRY_MS
      const left = Date.parse(state.data.code.valid_until) - (Date.now() + state.data.offset)
      return Math.max(1_000, left + AFTER_MS)
    },
    queryFn: async ({ signal }) => {
      const asked = Date.now()
      const { data, response } = await askWhole(
        api.GET('/v1/me/cards/{id}/code', { params: { path: { id: card } }, signal, cache: 'no-store' }),
      )
      return { code: data, offset: clockOffset(response.headers.get('date'), asked, Date.now()) }
    },
  })
  const life = useLife(query.data)
  return { code: query.data?.code, life, problem: query.error }
}

function useLife(timed: Timed | undefined): Life | undefined {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  if (!timed) return undefined
  return lifeLeft(timed.code.valid_from, timed.code.valid_until, Math.max(now, 0) + timed.offset)
}
