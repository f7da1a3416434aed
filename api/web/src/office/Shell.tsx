/** The frame: what one's role works with on the left, the page on the right. */
import {
  AppShell,
  Badge,
  Box,
  Burger,
  Group,
  NavLink,
  Popover,
  Stack,
  Text,
  UnstyledButton,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconBook2,
  IconBuildingCommunity,
  IconBuildingStore,
  IconCards,
  IconChecklist,
  IconFileImport,
  IconHome,
  IconLogout,
  IconPalette,
  IconPrinter,
  IconReceipt,
  IconRulerMeasure,
  IconScale,
  IconSettings,
  IconShieldSearch,
  IconStairs,
  IconUserDollar,
  IconUsers,
  IconWallet,
} from '@tabler/icons-react'
import { type ComponentType, type ReactNode, useEffect } from 'react'
import { Link, useLocation } from 'wouter'
import { LanguageSwitch, ThemeSwitch } from '../ui/Preferences'
import { useSession } from '../ui/session'
import { useWords } from '../ui/words'
import { GROUPS, maySee, type Section } from './sections'
import { useStaff } from './staff'
import { told, useWork } from './work'

const ICONS: Record<Section, ComponentType<{ size?: number; stroke?: number }>> = {
  today: IconHome,
  members: IconUsers,
  cards: IconCards,
  organisations: IconBuildingCommunity,
  imports: IconFileImport,
  printing: IconPrinter,
  designs: IconPalette,
  ledger: IconBook2,
  registers: IconChecklist,
  rules: IconRulerMeasure,
  accounts: IconUserDollar,
  adjustments: IconScale,
  tiers: IconStairs,
  partners: IconBuildingStore,
  fraud: IconShieldSearch,
  claims: IconReceipt,
  wallets: IconWallet,
  settings: IconSettings,
}

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useWords()
  const [opened, { toggle, close }] = useDisclosure(false)
  const [location] = useLocation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when the place changes
  useEffect(close, [location])
  return (
    <AppShell
      padding={{ base: 'sm', sm: 'lg' }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      header={{ height: { base: 52, sm: 0 } }}
    >
      <AppShell.Header hiddenFrom="sm" px="sm" withBorder>
        <Group h="100%">
          <Burger opened={opened} onClick={toggle} size="sm" aria-label={t('office.menu')} />
          <Text fw={700}>Unioncard</Text>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className="nav" p="sm" aria-label={t('office.menu')}>
        <Navigation />
      </AppShell.Navbar>
      <AppShell.Main>{children}</AppShell.Main>
    </AppShell>
  )
}

function Navigation() {
  const { t } = useWords()
  const { role } = useStaff()
  const work = useWork()
  const waiting = (section: Section) =>
    work.filter((one) => one.section === section).reduce((sum, { count }) => sum + count, 0)
  const groups = GROUPS.map(({ name, sections }) => ({
    name,
    sections: sections.filter((section) => maySee(role, section)),
  })).filter(({ sections }) => sections.length > 0)
  return (
    <>
      <AppShell.Section grow style={{ overflowY: 'auto' }}>
        <Text fw={700} size="lg" px={12} py={8} visibleFrom="sm">
          Unioncard
        </Text>
        <Entry section="today" to="/" />
        {groups.map(({ name, sections }) => (
          <Box key={name}>
            <div className="nav-group">{t(`nav.${name}`)}</div>
            {sections.map((section) => (
              <Entry key={section} section={section} to={`/${section}`} waiting={waiting(section)} />
            ))}
          </Box>
        ))}
      </AppShell.Section>
      <AppShell.Section>
        <Me />
      </AppShell.Section>
    </>
  )
}

function Entry({ section, to, waiting = 0 }: { section: Section; to: string; waiting?: number }) {
  const { t } = useWords()
  const [location] = useLocation()
  const active = to === '/' ? location === '/' : location === to || location.startsWith(`${to}/`)
  const Icon = ICONS[section]
  return (
    <NavLink
      component={Link}
      href={to}
      className="nav-link"
      label={t(`nav.${section}`)}
      leftSection={<Icon size={18} stroke={1.7} />}
      rightSection={
        waiting > 0 ? (
          <Badge
            size="sm"
            color="amber"
            aria-label={t('waiting.badge', { count: waiting })}
            data-testid={`nav-${section}-waiting`}
          >
            {told(waiting)}
          </Badge>
        ) : null
      }
      active={active}
      {...(active ? { 'aria-current': 'page' as const } : {})}
      data-testid={`nav-${section}`}
    />
  )
}

function Me() {
  const { t } = useWords()
  const staff = useStaff()
  const { signOut } = useSession()
  return (
    <Popover position="right-end" withArrow trapFocus>
      <Popover.Target>
        <UnstyledButton className="nav-link" w="100%" data-testid="me">
          <Text size="sm" fw={600} truncate>
            {staff.email}
          </Text>
          <Text size="xs" opacity={0.75} truncate>
            {[t(`role.${staff.role}`), staff.organisation?.name ?? staff.partner?.name]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="sm">
          <LanguageSwitch size="xs" />
          <ThemeSwitch size="xs" />
          <NavLink
            component="button"
            label={t('signOut')}
            leftSection={<IconLogout size={18} />}
            data-testid="sign-out"
            onClick={() => void signOut()}
          />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
