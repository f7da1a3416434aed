/** What this till posted today: kept by the browser for this tab, the server knows the rest. */
import { useCallback, useState } from 'react'
import { isoDay } from '../ui/moment'

export interface Done {
  id: string
  kind: 'purchase' | 'refund'
  receipt: string
  /** What was paid, or given back. */
  amount: string
  /** What it did to the member's cashback, with its sign. */
  cashback: string
  at: string
}

const ROWS_MAX = 500

function place(outlet: string): string {
  return `unioncard.till.today.${outlet}.${isoDay(new Date())}`
}

function stored(outlet: string): Done[] {
  try {
    return JSON.parse(sessionStorage.getItem(place(outlet)) ?? '[]') as Done[]
  } catch {
    return []
  }
}

export function useToday(outlet: string): { rows: Done[]; add: (row: Done) => void } {
  const [rows, setRows] = useState(() => stored(outlet))
  const add = useCallback(
    (row: Done) => {
      setRows((before) => {
        const after = [row, ...before].slice(0, ROWS_MAX)
        try {
          sessionStorage.setItem(place(outlet), JSON.stringify(after))
        } catch {
          // Without storage the list lasts until the page is closed.
        }
        return after
      })
    },
    [outlet],
  )
  return { rows, add }
}
