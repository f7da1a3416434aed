/** How many customers' claims wait, and the list behind it. */
import { ActionIcon, Indicator } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconReceipt } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { useWords } from '../ui/words'
import { waitingClaims } from './claimsQuery'

const ClaimsDrawer = lazy(() => import('./ClaimsDrawer'))

export function ClaimsButton() {
  const { t, count } = useWords()
  const [opened, { open, close }] = useDisclosure(false)
  const waiting = useQuery(waitingClaims())
  const number = waiting.data?.length ?? 0
  return (
    <>
      <Indicator label={count(number)} size={18} offset={6} disabled={number === 0} color="red">
        <ActionIcon
          variant="subtle"
          color="gray"
          size={44}
          aria-label={t('claims.open')}
          data-testid="claims"
          data-count={number}
          onClick={open}
        >
          <IconReceipt size={22} />
        </ActionIcon>
      </Indicator>
      {opened ? (
        <Suspense fallback={null}>
          <ClaimsDrawer onClose={close} />
        </Suspense>
      ) : null}
    </>
  )
}
