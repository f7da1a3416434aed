/** The two ways out of a dialog: leaving things as they are, and doing what it asks about. */
import { Button, type ButtonProps, type ElementProps, Group } from '@mantine/core'
import { useWords } from './words'

interface Props extends ButtonProps, ElementProps<'button', keyof ButtonProps> {
  onCancel: () => void
}

/** What isn't `onCancel` is the second button's, and says what it does. */
export function CancelOr({ onCancel, ...doing }: Props) {
  const { t } = useWords()
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={onCancel}>
        {t('cancel')}
      </Button>
      <Button {...doing} />
    </Group>
  )
}
