/** What is set once a shift: outlet, language, theme, the way out. */
import { Button, Drawer, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBuildingStore, IconLogout, IconWebhook } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import type { StaffMe } from '../api/types'
import { LanguageSwitch, ThemeSwitch } from '../ui/Preferences'
import { useSession } from '../ui/session'
import { useWords } from '../ui/words'
import { forgetStaff } from './offline/staff'
import { type Outlet, outletName } from './TillEntry'

const Webhooks = lazy(() => import('./Webhooks'))

interface Props {
  staff: StaffMe
  outlet: Outlet
  onOutlet: () => void
  opened: boolean
  onClose: () => void
}

export function TillSettings({ staff, outlet, onOutlet, opened, onClose }: Props) {
  const { t } = useWords()
  const { signOut } = useSession()
  const [hooksOpened, hooks] = useDisclosure(false)
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size={360}
      title={t('till.settings')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <div>
          <Text fw={600}>{staff.email}</Text>
          <Text size="sm" c="dimmed">
            {[t(`role.${staff.role}`), staff.partner?.name, outletName(outlet)].filter(Boolean).join(' · ')}
          </Text>
        </div>
        {staff.outlets.length > 1 ? (
          <Button variant="default" leftSection={<IconBuildingStore size={18} />} onClick={onOutlet}>
            {t('till.otherOutlet')}
          </Button>
        ) : null}
        {staff.role === 'manager' ? (
          <>
            <Button
              variant="default"
              leftSection={<IconWebhook size={18} />}
              data-testid="webhooks"
              onClick={hooks.open}
            >
              {t('hooks.open')}
            </Button>
            <Suspense fallback={null}>{hooksOpened ? <Webhooks onClose={hooks.close} /> : null}</Suspense>
          </>
        ) : null}
        <LanguageSwitch />
        <ThemeSwitch />
        <Button
          variant="default"
          leftSection={<IconLogout size={18} />}
          data-testid="sign-out"
          onClick={() => void forgetStaff().then(signOut)}
        >
          {t('signOut')}
        </Button>
      </Stack>
    </Drawer>
  )
}
