/** The counts of an import: they come once it is done. */
import type { ImportReport } from '../../api/types'

type Counts = Record<'read' | 'created' | 'updated' | 'unchanged' | 'rejected', number> & {
  reasons: Record<string, number>
}

export function countsOf(report: ImportReport): Counts {
  return {
    read: report.read ?? 0,
    created: report.created ?? 0,
    updated: report.updated ?? 0,
    unchanged: report.unchanged ?? 0,
    rejected: report.rejected ?? 0,
    reasons: report.reasons ?? {},
  }
}
