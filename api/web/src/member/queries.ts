/** What the balances and the operations share: the same pages of the same list. */
import { type InfiniteData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import type { Operation } from '../api/types'

const PAGE = 30

interface Page {
  items: Operation[]
  next?: string | null
}

export function useBalance() {
  return useQuery({ queryKey: ['balance'], queryFn: () => ask(api.GET('/v1/me/balance')) })
}

export function useOperations() {
  return useInfiniteQuery({
    queryKey: ['operations'],
    queryFn: ({ pageParam }): Promise<Page> =>
      ask(
        api.GET('/v1/me/operations', {
          params: { query: { limit: PAGE, ...(pageParam ? { after: pageParam } : {}) } },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
  })
}

export function operationsOf(data: InfiniteData<Page> | undefined): Operation[] {
  return data?.pages.flatMap((page) => page.items) ?? []
}
