/** How much of a list is on the page, and the button for the next part. */
import { Button, Group } from '@mantine/core'
import { useWords } from '../../ui/words'

export function More({
  count,
  more,
  busy,
}: {
  count: number
  more: (() => void) | undefined
  busy: boolean
}) {
  const { t } = useWords()
  return (
    <Group gap="sm">
      {t('table.shown', { count })}
      {more ? (
        <Button size="xs" variant="default" loading={busy} onClick={more}>
          {t('more')}
        </Button>
      ) : null}
    </Group>
  )
}
