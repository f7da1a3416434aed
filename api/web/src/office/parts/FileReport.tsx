/** The page of an uploaded file: its name and standing, progress while it is worked off, why it was given up. */
import { Alert, Anchor, Badge, Group, Progress, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useWords } from '../../ui/words'
import { Download } from './Download'
import { PageHead } from './PageHead'

export const POLL_MS = 1_000

export const STATUS_COLOR: Record<string, string> = {
  queued: 'gray',
  running: 'amber',
  done: 'green',
  failed: 'red',
}

export function working(status: string | undefined): boolean {
  return status === 'queued' || status === 'running'
}

interface FileReportProps {
  file: { file_name: string; status: string; problem?: string | null }
  /** `imports` or `registers`: where the words and the list are. */
  section: 'imports' | 'registers'
  about: string
  testId: string
  /** What can be saved, once there is something. */
  download?: { path: string; suffix: string; label: string } | undefined
  /** How far it is, in percent, and in words. */
  progress: { part: number; words: string }
  /** What is shown once it is done. */
  children: ReactNode
}

export function FileReport(props: FileReportProps) {
  const { t } = useWords()
  const { file, section, download } = props
  return (
    <>
      <PageHead
        title={file.file_name}
        hint={
          <Group gap="sm">
            <Anchor component={Link} href={`/${section}`} size="sm">
              {t(`${section}.back`)}
            </Anchor>
            <Text size="sm">{props.about}</Text>
          </Group>
        }
      >
        <Badge
          size="lg"
          color={STATUS_COLOR[file.status] ?? 'gray'}
          data-testid={props.testId}
          data-status={file.status}
        >
          {t(`jobStatus.${file.status}`)}
        </Badge>
        {download && !working(file.status) ? (
          <Download
            path={download.path}
            name={`${file.file_name.replace(/\.\w+$/, '')}.${download.suffix}`}
            label={download.label}
          />
        ) : null}
      </PageHead>
      <Content {...props} />
    </>
  )
}

function Content({ file, section, progress, children }: FileReportProps) {
  const { t } = useWords()
  if (file.status === 'failed') {
    return (
      <Alert color="red" title={t(`${section}.failed`)} role="alert">
        {file.problem ?? t(`${section}.failedHint`)}
      </Alert>
    )
  }
  if (working(file.status)) {
    return (
      <Stack gap="xs" maw={560}>
        <Progress value={progress.part} animated aria-label={t('registers.progress')} />
        <Text size="sm" role="status">
          {progress.words}
        </Text>
        <Text size="sm" c="dimmed">
          {t('registers.mayLeave')}
        </Text>
      </Stack>
    )
  }
  return children
}
