/** What waits for one's role, in order: counted once, shown on the first page and beside the sections' names. */
import { type UseQueryResult, useQueries } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import { MAY_HAND_OUT } from './printing/shapes'
import { MAY, maySee, type Section } from './sections'
import { useStaff } from './staff'

/** Rows looked through for a count; beyond them it says "200+". */
const LOOKED_AT = 200

interface Kind {
  name: 'print' | 'batches' | 'fraud' | 'claims' | 'corrections' | 'drafts' | 'tiers'
  section: Section
  /** Who is to do it; others who see the section read the count on the first page alone. */
  whose: string[]
  queryKey: string[]
  count: () => Promise<number>
}

/** Purchases that struck the fraud watch and wait for a decision, held or not. */
export async function openCases(): Promise<number> {
  const query = { status: 'open', limit: LOOKED_AT }
  return (await ask(api.GET('/v1/fraud', { params: { query } }))).items.length
}

/** Claims whose till nobody knows. */
export async function unmatchedClaims(): Promise<number> {
  const query = { status: 'unmatched', limit: LOOKED_AT }
  return (await ask(api.GET('/v1/claims', { params: { query } }))).items.length
}

/** Versions of rules that stand so. */
export async function rulesOf(status: 'draft' | 'active'): Promise<number> {
  const query = { status, limit: LOOKED_AT }
  return (await ask(api.GET('/v1/rules', { params: { query } }))).items.length
}

const KINDS: Kind[] = [
  {
    name: 'print',
    section: 'printing',
    whose: MAY_HAND_OUT,
    queryKey: ['print-queue', 'work'],
    count: async () =>
      (await ask(api.GET('/v1/print-queue'))).items.reduce((sum, { waiting }) => sum + waiting, 0),
  },
  {
    name: 'batches',
    section: 'printing',
    whose: MAY_HAND_OUT,
    queryKey: ['print-batches', 'work'],
    count: async () =>
      (await ask(api.GET('/v1/print-batches', { params: { query: { limit: LOOKED_AT } } }))).items.filter(
        ({ status }) => status !== 'handed_out',
      ).length,
  },
  {
    name: 'fraud',
    section: 'fraud',
    whose: MAY.decideFraud,
    queryKey: ['fraud', 'work'],
    count: openCases,
  },
  {
    name: 'claims',
    section: 'claims',
    whose: MAY.assignClaim,
    queryKey: ['claims', 'work'],
    count: unmatchedClaims,
  },
  {
    name: 'corrections',
    section: 'adjustments',
    whose: MAY.approve,
    queryKey: ['adjustments', 'work'],
    count: async () =>
      (await ask(api.GET('/v1/adjustments', { params: { query: { status: 'proposed', limit: LOOKED_AT } } })))
        .items.length,
  },
  {
    name: 'drafts',
    section: 'rules',
    whose: MAY.approveRule,
    queryKey: ['rules', 'work'],
    count: () => rulesOf('draft'),
  },
  {
    name: 'tiers',
    section: 'tiers',
    whose: MAY.approveTiers,
    queryKey: ['tiers', 'work'],
    count: async () => ((await ask(api.GET('/v1/tiers'))).draft ? 1 : 0),
  },
]

export interface Work {
  name: Kind['name']
  section: Section
  count: number
}

/** What waits for this role; a count that could not be read is left out. */
export function useWork(): Work[] {
  const { role } = useStaff()
  const kinds = KINDS.filter(({ section, whose }) => maySee(role, section) && whose.includes(role))
  const counts: UseQueryResult<number>[] = useQueries({
    queries: kinds.map(({ queryKey, count }) => ({ queryKey, queryFn: count, refetchInterval: 60_000 })),
  })
  return kinds.flatMap(({ name, section }, place) => {
    const count = counts[place]?.data
    return count === undefined ? [] : [{ name, section, count }]
  })
}

/** "200+" where no more were looked at. */
export function told(count: number): string {
  return count >= LOOKED_AT ? `${LOOKED_AT}+` : String(count)
}
