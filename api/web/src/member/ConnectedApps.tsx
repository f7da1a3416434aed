/** Others' apps that show the member's card: seen, and disconnected one by one. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import type { ConnectedApp } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { scopeWords } from '../ui/scopes'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

export function ConnectedApps({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  const query = useQuery({
    queryKey: ['apps'],
    queryFn: async () => (await ask(api.GET('/v1/me/apps'))).items,
    enabled: opened,
    staleTime: 0,
  })
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('apps.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Text size="sm" c="dimmed" mb="md">
        {t('apps.text')}
      </Text>
      <Loaded query={query}>{(apps) => <List apps={apps} />}</Loaded>
    </Modal>
  )
}

function List({ apps }: { apps: ConnectedApp[] }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const ending = useMutation({
    mutationFn: (id: string) => ask(api.DELETE('/v1/me/apps/{id}', { params: { path: { id } } })),
    onSuccess: async () => {
      say(t('apps.disconnected'))
      await queries.invalidateQueries({ queryKey: ['apps'] })
    },
  })
  if (apps.length === 0) return <Empty title={t('apps.none')}>{t('apps.noneHint')}</Empty>
  return (
    <Stack gap="md">
      {ending.error ? <ProblemNote error={ending.error} /> : null}
      {apps.map((app) => (
        <Row
          key={app.id}
          app={app}
          busy={ending.isPending && ending.variables === app.id}
          onEnd={() => ending.mutate(app.id)}
        />
      ))}
    </Stack>
  )
}

function Row({ app, busy, onEnd }: { app: ConnectedApp; busy: boolean; onEnd: () => void }) {
  const { t, near, day } = useWords()
  const allowed = app.scopes.map((scope) => t(`scope.${scopeWords(scope)}`))
  return (
    <Group justify="space-between" wrap="nowrap" align="flex-start" data-testid="app">
      <div>
        <Text fw={500}>{app.name}</Text>
        <Text size="sm">{allowed.join(' · ')}</Text>
        <Text size="sm" c="dimmed">
          {app.connected_at ? `${t('apps.since', { at: near(app.connected_at) })} · ` : null}
          {app.last_used_at ? `${t('apps.used', { at: near(app.last_used_at) })} · ` : null}
          {t('apps.until', { day: day(app.ends_at) })}
        </Text>
      </div>
      <Button
        size="xs"
        flex="none"
        variant="light"
        color="red"
        loading={busy}
        data-testid="app-disconnect"
        onClick={onEnd}
      >
        {t('apps.disconnect')}
      </Button>
    </Group>
  )
}
