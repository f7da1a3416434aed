/** Blocks a card at once, after saying what that means. */
import { Modal, Radio, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../api/client'
import type { Card } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { CancelOr } from '../ui/CancelOr'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

export function BlockCard({ card, opened, onClose }: { card: Card; opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  const queries = useQueryClient()
  const say = useAnnounce()
  const [reason, setReason] = useState<'lost' | 'stolen'>('lost')
  const block = useMutation({
    mutationFn: () =>
      ask(api.POST('/v1/me/cards/{id}/block', { params: { path: { id: card.id } }, body: { reason } })),
    onSuccess: async () => {
      say(t('block.done'))
      onClose()
      await queries.invalidateQueries({ queryKey: ['cards'] })
    },
  })
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('block.title', { last: card.number.slice(-4) })}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{t('block.text')}</Text>
        <Radio.Group
          label={t('block.reason')}
          value={reason}
          onChange={(value) => setReason(value === 'stolen' ? 'stolen' : 'lost')}
        >
          <Stack gap="xs" mt="xs">
            <Radio value="lost" label={t('block.lost')} />
            <Radio value="stolen" label={t('block.stolen')} />
          </Stack>
        </Radio.Group>
        {block.error ? <ProblemNote error={block.error} /> : null}
        <CancelOr
          onCancel={onClose}
          color="red"
          loading={block.isPending}
          data-testid="block-confirm"
          onClick={() => block.mutate()}
        >
          {t('block.confirm')}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
