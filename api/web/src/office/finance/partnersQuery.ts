/** The partners, asked once for all the places that name them. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { api, ask } from '../../api/client'
import { useStaff } from '../staff'

export function partnersQuery() {
  return queryOptions({
    queryKey: ['partners'],
    staleTime: 300_000,
    queryFn: async () => (await ask(api.GET('/v1/partners', { params: { query: { limit: 200 } } }))).items,
  })
}

/** Names by code; who works for a partner knows that one alone. */
export function usePartnerNames(): Map<string, string> {
  const { partner } = useStaff()
  const { data = [] } = useQuery({ ...partnersQuery(), enabled: !partner })
  return new Map((partner ? [partner] : data).map(({ code, name }) => [code, name]))
}
