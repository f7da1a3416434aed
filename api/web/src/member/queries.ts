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

/** The newest first: the server goes by when it booked them, a reader by when they happened. */
export function operationsOf(data: InfiniteData<Page> | undefined): Operation[] {
  const items = data?.pages.flatMap((page) => page.items) ?? []
  return items.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))
}
