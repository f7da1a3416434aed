/** One webhook: how it stands, and what can be done with it. */
import { Badge, Button, Group, Paper, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../api/client'
import type { Webhook } from '../api/types'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

interface Props {
  hook: Webhook
  onSecret: (hook: Webhook) => void
  onOpen: () => void
}

export function WebhookCard({ hook, onSecret, onOpen }: Props) {
  const { t } = useWords()
  const [sure, setSure] = useState(false)
  const queries = useQueryClient()
  const params = { path: { id: hook.id } }
  const refresh = () => queries.invalidateQueries({ queryKey: ['webhooks'] })
  const rotating = useMutation({
    mutationFn: () => ask(api.POST('/v1/webhooks/{id}/rotate', { params })),
    onSuccess: (rotated) => {
      onSecret(rotated)
      void refresh()
    },
  })
  const testing = useMutation({
    mutationFn: () => ask(api.POST('/v1/webhooks/{id}/test', { params })),
    onSuccess: onOpen,
  })
  const enabling = useMutation({
    mutationFn: () => ask(api.POST('/v1/webhooks/{id}/enable', { params })),
    onSuccess: refresh,
  })
  const removing = useMutation({
    mutationFn: () => ask(api.DELETE('/v1/webhooks/{id}', { params })),
    onSuccess: refresh,
  })
  const error = rotating.error ?? testing.error ?? enabling.error ?? removing.error
  const enabled = hook.status === 'enabled'
  return (
    <Paper className="surface" p="md" data-testid="hook">
      <Group justify="space-between" gap="sm" mb={4}>
        <Text fw={600} className="hook-url">
          {hook.url}
        </Text>
        <Standing hook={hook} />
      </Group>
      <Text size="sm" c="dimmed" mb="sm">
        {hook.events.map((event) => t(`hooks.event.${event}`, { defaultValue: event })).join(', ')}
      </Text>
      {error ? <ProblemNote error={error} /> : null}
      <Group gap="xs">
        <Button size="xs" variant="default" data-testid="hook-deliveries" onClick={onOpen}>
          {t('hooks.deliveries')}
        </Button>
        {enabled ? (
          <Button
            size="xs"
            variant="default"
            loading={testing.isPending}
            data-testid="hook-test"
            onClick={() => testing.mutate()}
          >
            {t('hooks.test')}
          </Button>
        ) : (
          <Button
            size="xs"
            loading={enabling.isPending}
            data-testid="hook-enable"
            onClick={() => enabling.mutate()}
          >
            {t('hooks.enable')}
          </Button>
        )}
        <Button
          size="xs"
          variant="default"
          loading={rotating.isPending}
          data-testid="hook-rotate"
          onClick={() => rotating.mutate()}
        >
          {t('hooks.rotate')}
        </Button>
        <Button
          size="xs"
          color="red"
          variant={sure ? 'filled' : 'light'}
          loading={removing.isPending}
          data-testid={sure ? 'hook-remove-sure' : 'hook-remove'}
          onClick={() => (sure ? removing.mutate() : setSure(true))}
        >
          {sure ? t('hooks.removeSure') : t('hooks.remove')}
        </Button>
      </Group>
    </Paper>
  )
}

function Standing({ hook }: { hook: Webhook }) {
  const { t, near } = useWords()
  if (hook.disabled_why) return <Badge color="red">{t(`hooks.disabled.${hook.disabled_why}`)}</Badge>
  if (hook.failing_since) {
    return <Badge color="amber">{t('hooks.failing', { since: near(hook.failing_since) })}</Badge>
  }
  return <Badge color="green">{t('hooks.enabled')}</Badge>
}
