/** The phones and wallets that draw the member's codes: seen, and revoked one by one. */
import { Badge, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import type { CardDevice } from '../api/types'
import { allDevices, forget } from '../offline/device'
import { useAnnounce } from '../ui/Announcer'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

export function Devices({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  const query = useQuery({
    queryKey: ['devices'],
    queryFn: async () => (await ask(api.GET('/v1/me/devices', { params: { query: { limit: 200 } } }))).items,
    enabled: opened,
  })
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('devices.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Text size="sm" c="dimmed" mb="md">
        {t('devices.text')}
      </Text>
      <Loaded query={query}>{(devices) => <List devices={devices} />}</Loaded>
    </Modal>
  )
}

function List({ devices }: { devices: CardDevice[] }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const here = useQuery({ queryKey: ['kept-devices'], queryFn: allDevices, staleTime: 0 })
  const revoking = useMutation({
    mutationFn: async ({ id, card }: CardDevice) => {
      await ask(api.DELETE('/v1/me/devices/{id}', { params: { path: { id } } }))
      if (here.data?.some(({ device }) => device === id)) await forget(card)
    },
    onSuccess: async (_, { card }) => {
      say(t('devices.revoked'))
      await queries.invalidateQueries({ queryKey: ['devices'] })
      await queries.invalidateQueries({ queryKey: ['device', card] })
      await queries.invalidateQueries({ queryKey: ['kept-devices'] })
    },
  })
  if (devices.length === 0) return <Empty title={t('devices.none')}>{t('devices.noneHint')}</Empty>
  return (
    <Stack gap="md">
      {revoking.error ? <ProblemNote error={revoking.error} /> : null}
      {devices.map((device) => (
        <Row
          key={device.id}
          device={device}
          here={here.data?.some((kept) => kept.device === device.id) ?? false}
          busy={revoking.isPending && revoking.variables.id === device.id}
          onRevoke={() => revoking.mutate(device)}
        />
      ))}
    </Stack>
  )
}

interface RowProps {
  device: CardDevice
  here: boolean
  busy: boolean
  onRevoke: () => void
}

function Row({ device, here, busy, onRevoke }: RowProps) {
  const { t, near } = useWords()
  return (
    <Group justify="space-between" wrap="nowrap" align="flex-start" data-testid="device">
      <div>
        <Text fw={500}>{device.name || t(`devices.kind.${device.kind}`)}</Text>
        <Text size="sm" c="dimmed">
          {t('devices.added', { at: near(device.added_at) })}
          {device.last_used_at ? ` · ${t('devices.used', { at: near(device.last_used_at) })}` : null}
        </Text>
        {here ? (
          <Badge color="green" mt={4}>
            {t('devices.here')}
          </Badge>
        ) : null}
      </div>
      <Button
        size="xs"
        variant="light"
        color="red"
        loading={busy}
        data-testid="device-revoke"
        onClick={onRevoke}
      >
        {t('devices.revoke')}
      </Button>
    </Group>
  )
}
