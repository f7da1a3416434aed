/** Leaves the bonus programme, after saying what that means. */
import { Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import { useAnnounce } from '../ui/Announcer'
import { CancelOr } from '../ui/CancelOr'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

export function LeaveProgramme({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  const queries = useQueryClient()
  const say = useAnnounce()
  const leave = useMutation({
    mutationFn: () => ask(api.DELETE('/v1/me/enrolment')),
    onSuccess: async () => {
      say(t('leaving.done'))
      onClose()
      await queries.invalidateQueries()
    },
  })
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('leaving.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{t('leaving.text')}</Text>
        {leave.error ? <ProblemNote error={leave.error} /> : null}
        <CancelOr
          onCancel={onClose}
          color="red"
          loading={leave.isPending}
          data-testid="leave-confirm"
          onClick={() => leave.mutate()}
        >
          {t('leaving.confirm')}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
