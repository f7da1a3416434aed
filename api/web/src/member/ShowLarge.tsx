/** The button that shows the code as large as the screen. */
import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconMaximize } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import type { Card } from '../api/types'
import { useWords } from '../ui/words'

/** Behind a tap, so out of the first load. */
const AtTill = lazy(() => import('./AtTill'))

export function ShowLarge({ card }: { card: Card }) {
  const { t } = useWords()
  const [opened, { open, close }] = useDisclosure(false)
  if (card.status !== 'active') return null
  return (
    <>
      <Button
        variant="default"
        fullWidth
        leftSection={<IconMaximize size={18} />}
        data-testid="show-large"
        onClick={open}
      >
        {t('atTill.open')}
      </Button>
      {opened ? (
        <Suspense fallback={null}>
          <AtTill card={card} opened onClose={close} />
        </Suspense>
      ) : null}
    </>
  )
}
