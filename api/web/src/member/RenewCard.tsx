/** Under a card in the phone that has ended: another one in its place, at one tap. */
import { Button, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconReplace } from '@tabler/icons-react'
import type { Card } from '../api/types'
import { useWords } from '../ui/words'
import { ReissueCard } from './ReissueCard'

export default function RenewCard({ card }: { card: Card }) {
  const { t } = useWords()
  const [opened, { open, close }] = useDisclosure(false)
  if (!card.renewable) {
    return (
      <Text size="xs" c="dimmed" ta="center">
        {t('reissue.office')}
      </Text>
    )
  }
  return (
    <>
      <Button fullWidth leftSection={<IconReplace size={18} />} data-testid="renew-card" onClick={open}>
        {t('reissue.renew')}
      </Button>
      <Text size="xs" c="dimmed" ta="center">
        {t('reissue.renewHint')}
      </Text>
      <ReissueCard card={card} opened={opened} onClose={close} />
    </>
  )
}
