/** The counts of an import: they come once it is done, as an open part of the answer. */
import type { ImportReport } from '../../api/types'

export interface ImportCounts {
  read: number
  created: number
  updated: number
  unchanged: number
  rejected: number
  reasons: Record<string, number>
}

export function countsOf(report: ImportReport): ImportCounts {
  const told = report as unknown as Partial<ImportCounts>
  return {
    read: told.read ?? 0,
    created: told.created ?? 0,
    updated: told.updated ?? 0,
    unchanged: told.unchanged ?? 0,
    rejected: told.rejected ?? 0,
    reasons: told.reasons ?? {},
  }
}
