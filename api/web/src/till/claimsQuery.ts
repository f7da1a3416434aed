/** The claims that wait for this till's people. */
import { queryOptions } from '@tanstack/react-query'
import { api, ask } from '../api/client'

const LOOK_EVERY_MS = 60_000

export function waitingClaims() {
  return queryOptions({
    queryKey: ['claims', 'waiting'],
    refetchInterval: LOOK_EVERY_MS,
    queryFn: async () =>
      (await ask(api.GET('/v1/claims', { params: { query: { status: 'waiting', limit: 200 } } }))).items,
  })
}
