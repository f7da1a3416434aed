/** Makes this browser a device of the card: one tap, then the code is drawn here without network. */
import { Alert, Button, Text } from '@mantine/core'
import { IconDeviceMobileCheck, IconPlugConnectedX } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Card, Me } from '../api/types'
import { useDevice } from '../offline/device'
import { useAnnounce } from '../ui/Announcer'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

const DISMISSED = 'unioncard.member.offline.dismissed'

function dismissed(): boolean {
  try {
    return localStorage.getItem(DISMISSED) !== null
  } catch {
    return false
  }
}

export function OfflineOffer({ me, card }: { me: Me; card: Card }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const device = useDevice(card.id)
  const [hidden, setHidden] = useState(dismissed)
  const adding = useMutation({
    mutationFn: async () => (await import('../offline/provision')).provision(card, me),
    onSuccess: async (added) => {
      say(t('offlineOffer.done'))
      queries.setQueryData(['device', card.id], added)
      await queries.invalidateQueries({ queryKey: ['kept-devices'] })
      await queries.invalidateQueries({ queryKey: ['devices'] })
    },
  })
  if (card.kind !== 'virtual' || card.status !== 'active' || device === undefined) return null
  if (device) {
    return (
      <Text size="sm" c="dimmed" className="with-icon" data-testid="works-offline">
        <IconDeviceMobileCheck size={18} aria-hidden /> {t('offlineOffer.works')}
      </Text>
    )
  }
  if (hidden) return null
  return (
    <Alert
      color="gray"
      icon={<IconPlugConnectedX size={20} />}
      title={t('offlineOffer.title')}
      withCloseButton
      closeButtonLabel={t('close')}
      onClose={() => {
        setHidden(true)
        try {
          localStorage.setItem(DISMISSED, '1')
        } catch {
          // Without storage it is offered again next time.
        }
      }}
    >
      {t('offlineOffer.text')}
      {adding.error ? <ProblemNote error={adding.error} /> : null}
      <div>
        <Button
          mt="sm"
          size="xs"
          loading={adding.isPending}
          data-testid="work-offline"
          onClick={() => adding.mutate()}
        >
          {t('offlineOffer.add')}
        </Button>
      </div>
    </Alert>
  )
}
