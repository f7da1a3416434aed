/** Under a card in the phone that has ended: another one in its place, at one tap. */
import { Button, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconReplace } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import type { Card } from '../api/types'
import { useWords } from '../ui/words'
import { isLiving } from './shownCards'

/** Behind a tap, so out of the first load. */
const ReissueCard = lazy(() => import('./ReissueCard').then((file) => ({ default: file.ReissueCard })))

export function RenewCard({ card }: { card: Card }) {
  const { t } = useWords()
  const [opened, { open, close }] = useDisclosure(false)
  if (isLiving(card) || card.kind !== 'virtual' || card.relation) return null
  return (
    <>
      <Button fullWidth leftSection={<IconReplace size={18} />} data-testid="renew-card" onClick={open}>
        {t('reissue.renew')}
      </Button>
      <Text size="xs" c="dimmed" ta="center">
        {t('reissue.renewHint')}
      </Text>
      {opened ? (
        <Suspense fallback={null}>
          <ReissueCard card={card} opened onClose={close} />
        </Suspense>
      ) : null}
    </>
  )
}
