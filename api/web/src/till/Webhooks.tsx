/** A partner's webhooks, for its manager: addresses, their secrets (shown once), what they were told. */
import {
  Alert,
  Button,
  Checkbox,
  Code,
  CopyButton,
  Group,
  Modal,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { Webhook } from '../api/types'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { WebhookCard } from './WebhookCard'
import { WebhookDeliveries } from './WebhookDeliveries'

const EVENTS = ['purchase.posted', 'purchase.refunded', 'claim.to_decide', 'statement.ready']

export default function Webhooks({ onClose }: { onClose: () => void }) {
  const { t } = useWords()
  const hooks = useQuery({ queryKey: ['webhooks'], queryFn: () => ask(api.GET('/v1/webhooks')) })
  const [shown, show] = useState<Webhook>()
  const [fresh, setFresh] = useState<Webhook>()
  const current = hooks.data?.items.find(({ id }) => id === shown?.id)
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={t('hooks.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {current ? (
        <WebhookDeliveries hook={current} onBack={() => show(undefined)} />
      ) : (
        <Stack data-testid="hooks">
          <Text size="sm" c="dimmed">
            {t('hooks.hint')}
          </Text>
          {fresh?.secret ? <Secret hook={fresh} secret={fresh.secret} /> : null}
          <Loaded query={hooks}>
            {({ items }) =>
              items.length > 0 ? (
                items.map((hook) => (
                  <WebhookCard key={hook.id} hook={hook} onSecret={setFresh} onOpen={() => show(hook)} />
                ))
              ) : (
                <Empty title={t('hooks.none')}>{t('hooks.noneHint')}</Empty>
              )
            }
          </Loaded>
          <NewHook onMade={setFresh} />
        </Stack>
      )}
    </Modal>
  )
}

function Secret({ hook, secret }: { hook: Webhook; secret: string }) {
  const { t, dayAndTime } = useWords()
  return (
    <Alert color="amber" title={t('hooks.secret')} role="status">
      <Text size="sm">{hook.url}</Text>
      <Group my={6} gap="sm">
        <Code className="hook-secret" data-testid="hook-secret">
          {secret}
        </Code>
        <CopyButton value={secret}>
          {({ copied, copy }) => (
            <Button size="compact-sm" variant="default" onClick={copy}>
              {copied ? t('hooks.copied') : t('hooks.copy')}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Text size="sm">
        {t('hooks.secretHint')}{' '}
        {hook.overlap_until ? t('hooks.overlap', { until: dayAndTime(hook.overlap_until) }) : null}
      </Text>
    </Alert>
  )
}

function NewHook({ onMade }: { onMade: (hook: Webhook) => void }) {
  const { t } = useWords()
  const queries = useQueryClient()
  const [url, setUrl] = useState('')
  const [events, setEvents] = useState(EVENTS)
  const making = useMutation({
    mutationFn: () => ask(api.POST('/v1/webhooks', { body: { url: url.trim(), events } })),
    onSuccess: (made) => {
      setUrl('')
      onMade(made)
      void queries.invalidateQueries({ queryKey: ['webhooks'] })
    },
  })
  const problem = making.error ? asProblem(making.error) : undefined
  const loose = problem && !problem.field('url') && !problem.field('events') ? problem : undefined
  function submit(event: FormEvent) {
    event.preventDefault()
    if (!making.isPending) making.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput
          label={t('hooks.url')}
          description={t('hooks.urlHint')}
          type="url"
          autoComplete="off"
          maxLength={2048}
          data-testid="hook-url"
          value={url}
          error={problem?.field('url')}
          onChange={(event) => {
            setUrl(event.currentTarget.value)
            making.reset()
          }}
        />
        <Checkbox.Group
          label={t('hooks.events')}
          value={events}
          error={problem?.field('events')}
          onChange={setEvents}
        >
          <Group mt={6} gap="md">
            {EVENTS.map((event) => (
              <Checkbox key={event} value={event} label={t(`hooks.event.${event}`)} />
            ))}
          </Group>
        </Checkbox.Group>
        {loose ? <ProblemNote error={loose} /> : null}
        <Group>
          <Button
            type="submit"
            loading={making.isPending}
            disabled={url.trim() === '' || events.length === 0}
            data-testid="hook-add"
          >
            {t('hooks.add')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
