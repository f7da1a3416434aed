/** Whether somebody is signed in on this page, and the ways in and out. */
import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react'
import { api } from '../api/client'
import { mayBeSignedIn, whenSessionEnds } from '../api/session'

interface Session {
  signedIn: boolean
  /** True when the server ended a session that was in use here. */
  ended: boolean
  begin: () => void
  signOut: () => Promise<void>
}

const Current = createContext<Session>({
  signedIn: false,
  ended: false,
  begin: () => {},
  signOut: async () => {},
})

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient()
  const [signedIn, setSignedIn] = useState(mayBeSignedIn)
  const [ended, setEnded] = useState(false)

  useEffect(() => {
    whenSessionEnds(() => {
      setEnded(true)
      setSignedIn(false)
      queries.clear()
    })
  }, [queries])

  const begin = useCallback(() => {
    queries.clear()
    setEnded(false)
    setSignedIn(true)
  }, [queries])

  const signOut = useCallback(async () => {
    // Whatever the server answers, this page is left: an unreachable server must not keep it open.
    await api.POST('/v1/auth/logout', { body: {} }).catch(() => undefined)
    queries.clear()
    setEnded(false)
    setSignedIn(false)
  }, [queries])

  const session = useMemo(() => ({ signedIn, ended, begin, signOut }), [signedIn, ended, begin, signOut])
  return <Current value={session}>{children}</Current>
}

export function useSession(): Session {
  return use(Current)
}
