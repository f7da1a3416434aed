/** What a member does with a card besides showing it: devices, another card, the family's cards. */
import { Button, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconApps, IconDevices, IconReplace, IconUsers } from '@tabler/icons-react'
import type { Card, Me } from '../api/types'
import { useWords } from '../ui/words'
import { ConnectedApps } from './ConnectedApps'
import { Devices } from './Devices'
import { FamilyCards } from './FamilyCards'
import { ReissueCard } from './ReissueCard'

export function CardMore({ me, card }: { me: Me; card: Card | undefined }) {
  const { t } = useWords()
  const [devices, device] = useDisclosure(false)
  const [apps, app] = useDisclosure(false)
  const [family, relatives] = useDisclosure(false)
  const [reissuing, reissue] = useDisclosure(false)
  const replaceable = card && card.status !== 'ordered' && me.status === 'active'
  return (
    <Stack gap="xs">
      <Button
        variant="default"
        leftSection={<IconDevices size={18} />}
        data-testid="devices"
        onClick={device.open}
      >
        {t('devices.open')}
      </Button>
      <Button
        variant="default"
        leftSection={<IconUsers size={18} />}
        data-testid="family"
        onClick={relatives.open}
      >
        {t('family.open')}
      </Button>
      <Button variant="default" leftSection={<IconApps size={18} />} data-testid="apps" onClick={app.open}>
        {t('apps.open')}
      </Button>
      {replaceable ? (
        <Button
          variant="default"
          leftSection={<IconReplace size={18} />}
          data-testid="reissue-card"
          onClick={reissue.open}
        >
          {t('reissue.open')}
        </Button>
      ) : null}
      <Devices opened={devices} onClose={device.close} />
      <ConnectedApps opened={apps} onClose={app.close} />
      <FamilyCards me={me} opened={family} onClose={relatives.close} />
      {card ? <ReissueCard card={card} opened={reissuing} onClose={reissue.close} /> : null}
    </Stack>
  )
}
