/** Says that the phone's clock is off: by how much, and that the code is right all the same, or that it may not be. */
import { Alert } from '@mantine/core'
import { IconClockExclamation } from '@tabler/icons-react'
import { useWords } from '../ui/words'

/** A till forgives one step either way. */
const TOLD_FROM_MS = 20_000

export function ClockNote({ offset, setBack }: { offset: number; setBack: boolean }) {
  const { t } = useWords()
  if (!setBack && Math.abs(offset) < TOLD_FROM_MS) return null
  const minutes = Math.max(1, Math.round(Math.abs(offset) / 60_000))
  const which = offset < 0 ? 'clock.ahead' : 'clock.behind'
  return (
    <Alert color="amber" icon={<IconClockExclamation size={20} />} data-testid="clock-note">
      {setBack ? t('clock.setBack') : t(which, { count: minutes })}
    </Alert>
  )
}
