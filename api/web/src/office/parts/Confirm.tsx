/** Asks before something is done at one click, and says what that does. */
import { Modal, Stack, Text } from '@mantine/core'
import { CancelOr } from '../../ui/CancelOr'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'

interface Props {
  title: string
  /** What will be otherwise afterwards. */
  text: string
  /** What the button does. */
  action: string
  doing: { isPending: boolean; error: unknown }
  /** Who may, for a 403. */
  allowed: string[]
  onConfirm: () => void
  onClose: () => void
}

export function Confirm({ title, text, action, doing, allowed, onConfirm, onClose }: Props) {
  const { t } = useWords()
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('close') }}>
      <Stack>
        <Text size="sm">{text}</Text>
        {doing.error ? <ProblemNote error={doing.error} allowed={allowed} /> : null}
        <CancelOr
          onCancel={onClose}
          color="red"
          loading={doing.isPending}
          data-testid="confirm"
          onClick={onConfirm}
        >
          {action}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
