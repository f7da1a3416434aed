/** Another card instead of this one, after saying what that means. */
import { Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import type { CardRecord } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { MAY } from '../sections'
import { cardNumber } from './people'

const REASONS = ['replaced', 'lost', 'stolen', 'fraud'] as const
type Reason = (typeof REASONS)[number]

export function ReissueCard({ card, onClose }: { card: CardRecord; onClose: () => void }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [, go] = useLocation()
  const [reason, setReason] = useState<Reason>('replaced')
  const [comment, setComment] = useState('')
  const reissuing = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/cards/{id}/reissue', {
          params: { path: { id: card.id } },
          body: { reason, ...(comment.trim() ? { comment: comment.trim() } : {}) },
        }),
      ),
    onSuccess: async (made) => {
      say(t('officeCards.reissued'))
      await queries.invalidateQueries({ queryKey: ['card'] })
      await queries.invalidateQueries({ queryKey: ['cards'] })
      await queries.invalidateQueries({ queryKey: ['member', card.member] })
      onClose()
      go(`/cards/${made.id}`)
    },
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('officeCards.reissueTitle', { number: cardNumber(card.number) })}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{t('officeCards.reissueText')}</Text>
        <Select
          label={t('cards.reason')}
          allowDeselect={false}
          data={REASONS.map((value) => ({ value, label: t(`blockReason.${value}`) }))}
          value={reason}
          onChange={(value) => setReason(REASONS.find((one) => one === value) ?? 'replaced')}
        />
        <TextInput
          label={t('cards.comment')}
          maxLength={200}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        {reissuing.error ? <ProblemNote error={reissuing.error} allowed={MAY.keepNumbers} /> : null}
        <CancelOr
          onCancel={onClose}
          loading={reissuing.isPending}
          data-testid="card-reissue-confirm"
          onClick={() => reissuing.mutate()}
        >
          {t('officeCards.reissue')}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
