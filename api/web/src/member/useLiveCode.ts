/**
 * The live code of a card. Where this browser is a device of the card it draws the code itself, network or not; else the
 * server is asked when a step is over, and again and again when the network is gone.
 */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, askWhole } from '../api/client'
import type { Problem } from '../api/problem'
import type { Code } from '../api/types'
import { drawNow, useDevice } from '../offline/device'
import { clockOffset, type Life, lifeLeft } from './countdown'

const RETRY_MS = 3_000
const TICK_MS = 250
/** Asked a little after the step's end, so that the answer is the next one. */
const AFTER_MS = 150

interface Timed {
  code: Code
  offset: number
  setBack: boolean
}

export interface LiveCode {
  code: Code | undefined
  life: Life | undefined
  problem: Problem | null
  /** How far this clock is off, in milliseconds; the code is right all the same. */
  offset: number
  /** The clock was set back since the server was last asked, or a code was last drawn: the code may be wrong. */
  setBack: boolean
}

export function useLiveCode(card: string, enabled: boolean): LiveCode {
  const device = useDevice(card)
  const query = useQuery<Timed, Problem>({
    queryKey: ['code', card, device?.device ?? ''],
    enabled: enabled && device !== undefined,
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
    queryFn: ({ signal }) => (device ? drawNow(device) : asked(card, signal)),
  })
  const life = useLife(query.data)
  const { code, offset = 0, setBack = false } = query.data ?? {}
  return { code, life, problem: query.error, offset, setBack }
}

async function asked(card: string, signal: AbortSignal): Promise<Timed> {
  const from = Date.now()
  const { data, response } = await askWhole(
    api.GET('/v1/me/cards/{id}/code', { params: { path: { id: card } }, signal, cache: 'no-store' }),
  )
  const offset = clockOffset(response.headers.get('date'), from, Date.now())
  return { code: data, offset, setBack: false }
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
