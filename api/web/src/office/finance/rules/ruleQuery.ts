/** A rule with its versions. */
import { queryOptions } from '@tanstack/react-query'
import { api, ask } from '../../../api/client'

export function ruleQuery(id: string) {
  return queryOptions({
    queryKey: ['rule', id],
    queryFn: () => ask(api.GET('/v1/rules/{id}', { params: { path: { id } } })),
  })
}
