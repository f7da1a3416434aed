/** Who works at this till, kept for a start without network. */
import { useQuery } from '@tanstack/react-query'
import { api, ask, PATIENCE_MS } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { StaffMe } from '../../api/types'
import { readOne, remove, write } from '../../offline/store'

const KEY = 'till-staff'

async function whoAmI(): Promise<StaffMe> {
  try {
    const staff = await ask(api.GET('/v1/staff/me', { signal: AbortSignal.timeout(PATIENCE_MS) }))
    await write('kept', staff, KEY).catch(() => undefined)
    return staff
  } catch (error) {
    if (!asProblem(error).unreachable) throw error
    const kept = await readOne<StaffMe>('kept', KEY).catch(() => undefined)
    if (!kept) throw error
    return kept
  }
}

export function useTillStaff() {
  return useQuery({ queryKey: ['staff'], queryFn: whoAmI, staleTime: 300_000 })
}

/** On signing out nobody works here any more. */
export function forgetStaff(): Promise<void> {
  return remove('kept', KEY).catch(() => undefined)
}
