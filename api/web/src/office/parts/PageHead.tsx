/** The name of a page, a line under it, and its main actions. */
import { Group, Text, Title } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'

export function PageHead({
  title,
  hint,
  children,
}: {
  title: ReactNode
  hint?: ReactNode
  children?: ReactNode
}) {
  useEffect(() => {
    document.title = `${title} — Unioncard`
  }, [title])
  return (
    <div className="page-head">
      <div>
        <Title order={1} size="h2">
          {title}
        </Title>
        {hint ? (
          <Text component="div" c="dimmed">
            {hint}
          </Text>
        ) : null}
      </div>
      {children ? <Group gap="sm">{children}</Group> : null}
    </div>
  )
}
