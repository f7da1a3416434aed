/** Who is signed in, for every part of the office. */
import { createContext, use } from 'react'
import type { StaffMe } from '../api/types'

export const Staff = createContext<StaffMe | undefined>(undefined)

export function useStaff(): StaffMe {
  const staff = use(Staff)
  if (!staff) throw new Error('the office is drawn only for who is signed in')
  return staff
}

/** Whether the signed-in person's role is among these. */
export function useMay(roles: string[]): boolean {
  return roles.includes(useStaff().role)
}
