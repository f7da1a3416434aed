/** A list of the API, page by page. */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'

export const PAGE = 100

export interface PageOf<Item> {
  items: Item[]
  next?: string | null
}

/** `fetch` gets the query's paging part, ready to be spread. */
export function usePaged<Item>(
  key: readonly unknown[],
  fetch: (paging: { limit: number; after?: string }, signal: AbortSignal) => Promise<PageOf<Item>>,
  enabled = true,
) {
  const query = useInfiniteQuery({
    queryKey: key,
    enabled,
    // What waits for somebody is asked anew whenever it is opened.
    staleTime: 0,
    queryFn: ({ pageParam, signal }) =>
      fetch({ limit: PAGE, ...(pageParam ? { after: pageParam } : {}) }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
  })
  const items = query.data?.pages.flatMap((page) => page.items)
  return {
    items,
    loaded: { data: items, error: query.error, refetch: query.refetch },
    more: query.hasNextPage ? () => void query.fetchNextPage() : undefined,
    busy: query.isFetching,
  }
}
