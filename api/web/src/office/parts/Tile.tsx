/** A figure one looks at; a link or a filter when it leads somewhere. */
import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'

interface Props {
  name: string
  figure: ReactNode
  hint?: ReactNode
  color?: 'red' | 'green' | 'amber' | undefined
  to?: string
  pressed?: boolean
  onPress?: () => void
  testId?: string
}

export function Tile({ name, figure, hint, color, to, pressed, onPress, testId }: Props) {
  const content = (
    <>
      <Text component="span" display="block" size="sm" c="dimmed">
        {name}
      </Text>
      <Text component="span" display="block" className="tile-figure" {...(color ? { c: color } : {})}>
        {figure}
      </Text>
      {hint ? (
        <Text component="span" display="block" size="xs" c="dimmed">
          {hint}
        </Text>
      ) : null}
    </>
  )
  if (to) {
    return (
      <Link href={to} className="tile-button" data-testid={testId}>
        {content}
      </Link>
    )
  }
  if (onPress) {
    return (
      <button
        type="button"
        className="tile-button"
        aria-pressed={pressed}
        data-testid={testId}
        onClick={onPress}
      >
        {content}
      </button>
    )
  }
  return (
    <div className="tile-button" data-testid={testId}>
      {content}
    </div>
  )
}
