/** A list with its opened record beside it; on a narrow screen the record slides over it. */
import { CloseButton, Drawer, Group, Paper, Title } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { ReactNode } from 'react'
import { useWords } from '../../ui/words'

interface Props {
  children: ReactNode
  title: string
  /** The record's content; nothing is open without it. */
  record: ReactNode | undefined
  onClose: () => void
}

export function Beside({ children, title, record, onClose }: Props) {
  const { t } = useWords()
  const wide = useMediaQuery('(min-width: 1200px)', true, { getInitialValueInEffect: false })
  const open = record !== undefined && record !== null
  return (
    <div className="split" data-open={open && wide}>
      <div style={{ minWidth: 0 }}>{children}</div>
      {open && wide ? (
        <Paper component="aside" className="surface" p="md" aria-label={title} data-testid="record">
          <Group justify="space-between" align="flex-start" wrap="nowrap" mb="sm">
            <Title order={2} size="h4">
              {title}
            </Title>
            <CloseButton aria-label={t('close')} onClick={onClose} />
          </Group>
          {record}
        </Paper>
      ) : null}
      {wide ? null : (
        <Drawer
          opened={open}
          onClose={onClose}
          position="right"
          size="lg"
          title={title}
          closeButtonProps={{ 'aria-label': t('close') }}
        >
          <div data-testid="record">{record}</div>
        </Drawer>
      )}
    </div>
  )
}
