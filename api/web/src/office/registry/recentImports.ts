/** The files this browser brought in lately: long work can be left and found again. */

export interface RecentImport {
  id: string
  kind: 'members' | 'organisations'
  file: string
  at: string
}

const STORED = 'unioncard.office.imports'
const KEPT = 10

export function recentImports(): RecentImport[] {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '[]') as RecentImport[]
  } catch {
    return []
  }
}

export function rememberImport(one: RecentImport): void {
  try {
    localStorage.setItem(STORED, JSON.stringify([one, ...recentImports()].slice(0, KEPT)))
  } catch {
    // Without storage the import is found by its address alone.
  }
}
