/** A list of the API, page by page. */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'

export const PAGE = 100

export interface PageOf<Item> {
  items: Item[]
  next?: string | null
}

interface Options<Item> {
  enabled?: boolean
  /** How soon what is shown is asked for again. */
  refetchInterval?: (items: Item[]) => number | false
}

/** `fetch` gets the query's paging part, ready to be spread. */
export function usePaged<Item>(
  key: readonly unknown[],
  fetch: (paging: { limit: number; after?: string }, signal: AbortSignal) => Promise<PageOf<Item>>,
  { enabled = true, refetchInterval }: Options<Item> = {},
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
    ...(refetchInterval
      ? {
          refetchInterval: ({ state }: { state: { data: { pages: PageOf<Item>[] } | undefined } }) =>
            refetchInterval(state.data?.pages.flatMap((page) => page.items) ?? []),
        }
      : {}),
  })
  const items = query.data?.pages.flatMap((page) => page.items)
  return {
    items,
    loaded: { data: items, error: query.error, refetch: query.refetch },
    more: query.hasNextPage ? () => void query.fetchNextPage() : undefined,
    busy: query.isFetching,
  }
}
