/** Customers' claims: each approved (the cashback is credited) or declined with words the customer reads. */
import { Alert, Button, Chip, Drawer, Group, Paper, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../api/client'
import type { Claim } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { CancelOr } from '../ui/CancelOr'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { waitingClaims } from './claimsQuery'

const PRESETS = ['unknown', 'returned', 'counted'] as const

export default function ClaimsDrawer({ onClose }: { onClose: () => void }) {
  const { t } = useWords()
  const claims = useQuery(waitingClaims())
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={t('claims.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {t('claims.hint')}
        </Text>
        <Loaded query={claims}>
          {(items) =>
            items.length > 0 ? (
              items.map((claim) => <One key={claim.id} claim={claim} />)
            ) : (
              <Empty title={t('claims.empty')}>{t('claims.emptyHint')}</Empty>
            )
          }
        </Loaded>
      </Stack>
    </Drawer>
  )
}

function One({ claim }: { claim: Claim }) {
  const { t, rubles, near } = useWords()
  const [declining, setDeclining] = useState(false)
  return (
    <Paper className="surface" p="md" data-testid="claim">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <Text fw={600}>{claim.occurred_at ? near(claim.occurred_at) : claim.printed_at}</Text>
          <Text size="sm" c="dimmed">
            {claim.outlet}
          </Text>
          <Text size="sm" c="dimmed">
            {t('claims.document', { document: claim.document, drive: claim.drive })}
          </Text>
        </div>
        <div className="number">
          <Text fw={700} size="lg">
            {rubles(claim.amount)}
          </Text>
          {claim.waits_until ? (
            <Text size="sm" c="dimmed">
              {t('claims.until', { when: near(claim.waits_until) })}
            </Text>
          ) : null}
        </div>
      </Group>
      {claim.similar.length > 0 ? (
        <Alert color="amber" mt="sm" title={t('claims.similar')}>
          {claim.similar.map((one) => (
            <div key={one.purchase_id}>
              {t('claims.similarReceipt', { receipt: one.receipt, when: near(one.occurred_at) })}
            </div>
          ))}
        </Alert>
      ) : null}
      {declining ? (
        <Decline claim={claim} onBack={() => setDeclining(false)} />
      ) : (
        <Approve claim={claim} onDecline={() => setDeclining(true)} />
      )}
    </Paper>
  )
}

function useDecided(words: string) {
  const queries = useQueryClient()
  const say = useAnnounce()
  return async () => {
    say(words)
    await queries.invalidateQueries({ queryKey: ['claims'] })
  }
}

function Approve({ claim, onDecline }: { claim: Claim; onDecline: () => void }) {
  const { t } = useWords()
  const [receipt, setReceipt] = useState('')
  const done = useDecided(t('claims.approved'))
  const approve = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/claims/{id}/approve', {
          params: { path: { id: claim.id } },
          body: receipt.trim() ? { receipt: receipt.trim() } : {},
        }),
      ),
    onSuccess: done,
  })
  return (
    <Stack gap="sm" mt="sm">
      <TextInput
        label={t('claims.receipt')}
        description={t('claims.receiptHint')}
        value={receipt}
        maxLength={64}
        autoComplete="off"
        onChange={(event) => setReceipt(event.currentTarget.value)}
      />
      {approve.error ? <ProblemNote error={approve.error} /> : null}
      <Group justify="flex-end">
        <Button variant="default" data-testid="claim-decline" onClick={onDecline}>
          {t('claims.decline')}
        </Button>
        <Button loading={approve.isPending} data-testid="claim-approve" onClick={() => approve.mutate()}>
          {t('claims.approve')}
        </Button>
      </Group>
    </Stack>
  )
}

function Decline({ claim, onBack }: { claim: Claim; onBack: () => void }) {
  const { t } = useWords()
  const [reason, setReason] = useState('')
  const done = useDecided(t('claims.declined'))
  const decline = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/claims/{id}/decline', {
          params: { path: { id: claim.id } },
          body: { reason: reason.trim() },
        }),
      ),
    onSuccess: done,
  })
  return (
    <Stack gap="sm" mt="sm">
      <Chip.Group value={reason} onChange={(value) => setReason(String(value))}>
        <Group gap="xs">
          {PRESETS.map((preset) => (
            <Chip key={preset} value={t(`claims.presets.${preset}`)}>
              {t(`claims.presets.${preset}`)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      <Textarea
        label={t('claims.declineTitle')}
        description={t('claims.declineHint')}
        maxLength={300}
        autosize
        data-testid="claim-reason"
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {decline.error ? <ProblemNote error={decline.error} /> : null}
      <CancelOr
        onCancel={onBack}
        color="red"
        disabled={reason.trim() === ''}
        loading={decline.isPending}
        data-testid="claim-decline-confirm"
        onClick={() => decline.mutate()}
      >
        {t('claims.declineConfirm')}
      </CancelOr>
    </Stack>
  )
}
