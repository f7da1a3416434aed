/** The partners, asked once for all the places that name them. */
import { queryOptions } from '@tanstack/react-query'
import { api, ask } from '../../api/client'

export function partnersQuery() {
  return queryOptions({
    queryKey: ['partners'],
    staleTime: 300_000,
    queryFn: async () => (await ask(api.GET('/v1/partners', { params: { query: { limit: 200 } } }))).items,
  })
}
