/** Gives what can be spent to the union's aid fund, after saying that it can't be taken back. */
import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconHeartHandshake } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import type { Balance, Me } from '../api/types'
import { isZero } from '../ui/money'
import { useWords } from '../ui/words'

/** Behind a tap, so out of the first load. */
const DonateForm = lazy(() => import('./DonateForm'))

export function Donate({ me, balance }: { me: Me; balance: Balance }) {
  const { t } = useWords()
  const [opened, { open, close }] = useDisclosure(false)
  if (me.frozen || isZero(balance.available)) return null
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconHeartHandshake size={18} />}
        data-testid="donate"
        onClick={open}
      >
        {t('donate.open')}
      </Button>
      {opened ? (
        <Suspense fallback={null}>
          <DonateForm me={me} balance={balance} onDone={close} />
        </Suspense>
      ) : null}
    </>
  )
}
