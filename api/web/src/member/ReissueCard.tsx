/** Another card instead of this one: a new number on the same money, after saying what that means. */
import { Modal, Radio, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../api/client'
import type { Card } from '../api/types'
import { forget } from '../offline/device'
import { useAnnounce } from '../ui/Announcer'
import { CancelOr } from '../ui/CancelOr'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { isLiving } from './shownCards'

const REASONS = ['replaced', 'lost', 'stolen'] as const
type Reason = (typeof REASONS)[number]

export function ReissueCard({ card, opened, onClose }: { card: Card; opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  const queries = useQueryClient()
  const say = useAnnounce()
  const [reason, setReason] = useState<Reason>('replaced')
  const living = isLiving(card)
  const reissuing = useMutation({
    mutationFn: () =>
      ask(api.POST('/v1/me/cards/{id}/reissue', { params: { path: { id: card.id } }, body: { reason } })),
    onSuccess: async () => {
      say(t('reissue.done'))
      await forget(card.id)
      onClose()
      await queries.invalidateQueries({ queryKey: ['cards'] })
      await queries.invalidateQueries({ queryKey: ['kept-devices'] })
    },
  })
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('reissue.title', { last: card.number.slice(-4) })}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{t(living ? 'reissue.text' : 'reissue.renewHint')}</Text>
        {living ? (
          <Radio.Group
            label={t('reissue.reason')}
            value={reason}
            onChange={(value) => setReason(REASONS.find((one) => one === value) ?? 'replaced')}
          >
            <Stack gap="xs" mt="xs">
              {REASONS.map((value) => (
                <Radio key={value} value={value} label={t(`reissue.reasons.${value}`)} />
              ))}
            </Stack>
          </Radio.Group>
        ) : null}
        {reissuing.error ? <ProblemNote error={reissuing.error} /> : null}
        <CancelOr
          onCancel={onClose}
          loading={reissuing.isPending}
          data-testid="reissue-confirm"
          onClick={() => reissuing.mutate()}
        >
          {t('reissue.confirm')}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
