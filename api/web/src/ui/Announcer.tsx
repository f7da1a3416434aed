/** One polite live region a page: changes that happen by themselves are said here. */
import { VisuallyHidden } from '@mantine/core'
import { createContext, type ReactNode, use, useCallback, useState } from 'react'

const Say = createContext<(text: string) => void>(() => {})

export function Announcer({ children }: { children: ReactNode }) {
  const [text, setText] = useState('')
  const say = useCallback((next: string) => {
    // The same words twice are a change only with a gap between them.
    setText('')
    setTimeout(() => setText(next), 50)
  }, [])
  return (
    <Say value={say}>
      {children}
      <VisuallyHidden role="status" aria-live="polite" data-testid="announcement">
        {text}
      </VisuallyHidden>
    </Say>
  )
}

export function useAnnounce(): (text: string) => void {
  return use(Say)
}
