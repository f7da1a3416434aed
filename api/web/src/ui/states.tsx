/** The states every list and form has besides its content: loading, empty, refused, broken. */
import { Alert, Button, Center, Loader, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconLock, IconWifiOff } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { asProblem, type Problem } from '../api/problem'
import { useWords, type Words } from './words'

export function Loading() {
  const { t } = useWords()
  return (
    <Center py="xl" role="status">
      <Loader size="sm" aria-hidden />
      <Text c="dimmed" size="sm" ml="sm">
        {t('loading')}
      </Text>
    </Center>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap={4} py="xl" px="md">
      <Text fw={600} ta="center">
        {title}
      </Text>
      {children ? (
        <Text component="div" size="sm" c="dimmed" ta="center" maw={460}>
          {children}
        </Text>
      ) : null}
    </Stack>
  )
}

/** What went wrong, in the words of the page where it has some, else in the server's. */
export function problemWords(problem: Problem, { t, exists }: Words): { title: string; detail: string } {
  if (problem.offline) return { title: t('problem.network.title'), detail: t('problem.network.detail') }
  if (problem.status === 429) {
    const detail = problem.retryAfter
      ? t('problem.rate.wait', { count: problem.retryAfter })
      : t('problem.rate.detail')
    return { title: problem.title || t('problem.rate.title'), detail }
  }
  const own = `problem.${problem.slug}`
  if (exists(`${own}.title`)) return { title: t(`${own}.title`), detail: t(`${own}.detail`) }
  if (problem.status >= 500) return { title: t('problem.server.title'), detail: t('problem.server.detail') }
  const loose = problem.errors.map((error) => error.detail).filter((detail) => detail !== problem.detail)
  const detail = [problem.detail, ...loose].filter(Boolean).join(' ')
  return { title: problem.title || t('problem.other.title'), detail }
}

interface NoteProps {
  error: unknown
  onRetry?: (() => void) | undefined
  /** Who may, for a 403: names of roles. */
  allowed?: string[]
}

export function ProblemNote({ error, onRetry, allowed }: NoteProps) {
  const words = useWords()
  const problem = asProblem(error)
  if (problem.status === 403) return <NoRight problem={problem} allowed={allowed ?? []} />
  const { title, detail } = problemWords(problem, words)
  const icon = problem.offline ? <IconWifiOff size={20} /> : <IconAlertTriangle size={20} />
  return (
    <Alert color={problem.offline ? 'amber' : 'red'} icon={icon} title={title} role="alert">
      {detail}
      {onRetry ? (
        <div>
          <Button mt="sm" size="xs" variant="default" onClick={onRetry}>
            {words.t('retry')}
          </Button>
        </div>
      ) : null}
    </Alert>
  )
}

function NoRight({ problem, allowed }: { problem: Problem; allowed: string[] }) {
  const { t } = useWords()
  const roles = allowed.map((role) => t(`role.${role}`)).join(', ')
  return (
    <Alert color="amber" icon={<IconLock size={20} />} title={t('problem.right.title')} role="alert">
      {problem.detail || t('problem.right.detail')} {roles ? t('problem.right.allowed', { roles }) : null}
    </Alert>
  )
}

interface QueryLike<T> {
  data: T | undefined
  error: unknown
  refetch: () => unknown
}

/** Draws a query: loading, error, or what it brought. */
export function Loaded<T>(props: {
  query: QueryLike<T>
  children: (data: T) => ReactNode
  wait?: ReactNode
  allowed?: string[]
}) {
  const { query, children, wait, allowed } = props
  if (query.data !== undefined) return children(query.data)
  if (query.error) {
    return (
      <ProblemNote
        error={query.error}
        onRetry={() => void query.refetch()}
        {...(allowed ? { allowed } : {})}
      />
    )
  }
  return wait ?? <Loading />
}
