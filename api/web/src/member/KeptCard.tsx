/** The card without network, or on a family's phone that nobody signs in on: what this device keeps, and its live code. */
import { Alert, Button, SegmentedControl, Stack } from '@mantine/core'
import { IconWifiOff } from '@tabler/icons-react'
import { useState } from 'react'
import { type Device, forget } from '../offline/device'
import { useWords } from '../ui/words'
import { CardFace } from './CardFace'
import { ShowLarge } from './ShowLarge'

interface Props {
  devices: Device[]
  /** Why there is nothing else: no network, or nobody signed in. */
  why: 'offline' | 'guest'
  onRetry: () => void
}

export default function KeptCard({ devices, why, onRetry }: Props) {
  const { t } = useWords()
  const [chosen, setChosen] = useState(devices[0]?.card)
  const device = devices.find(({ card }) => card === chosen) ?? devices[0]
  if (!device) return null
  return (
    <main className="home" data-testid="kept-card" data-why={why}>
      <Stack gap={8}>
        {devices.length > 1 ? (
          <SegmentedControl
            aria-label={t('card.choose')}
            value={device.card}
            onChange={setChosen}
            data={devices.map(({ card, view }) => ({ value: card, label: `•• ${view.number.slice(-4)}` }))}
          />
        ) : null}
        <CardFace key={device.card} me={device.holder} card={device.view} />
        <ShowLarge card={device.view} />
      </Stack>
      <Alert color={why === 'offline' ? 'amber' : 'gray'} icon={<IconWifiOff size={20} />}>
        {t(`kept.${why}`)}
        <Stack gap="xs" mt="sm" align="flex-start">
          <Button size="xs" variant="default" onClick={onRetry} data-testid="kept-retry">
            {t(why === 'offline' ? 'retry' : 'kept.signIn')}
          </Button>
          {why === 'guest' ? (
            <Button
              size="xs"
              variant="subtle"
              color="red"
              data-testid="kept-forget"
              onClick={() => void forget(device.card).then(() => location.reload())}
            >
              {t('kept.forget')}
            </Button>
          ) : null}
        </Stack>
      </Alert>
    </main>
  )
}
