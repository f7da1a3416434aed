/** Behind one tap: mail, language, theme, the card's block, the way out. */
import { Button, Divider, Drawer, Stack, Switch, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBan, IconDoorExit, IconLogout } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import type { Card, Me } from '../api/types'
import { forgetAll } from '../offline/device'
import { LanguageSwitch, ThemeSwitch } from '../ui/Preferences'
import { useSession } from '../ui/session'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { BlockCard } from './BlockCard'
import { CardMore } from './CardMore'
import { LeaveProgramme } from './LeaveProgramme'
import { OrderPlastic } from './OrderPlastic'
import { isLiving } from './shownCards'

interface Props {
  me: Me
  card: Card | undefined
  opened: boolean
  onClose: () => void
  title: string
}

export default function Settings({ me, card, opened, onClose, title }: Props) {
  const { t } = useWords()
  const { signOut } = useSession()
  const [blocking, block] = useDisclosure(false)
  const [leaving, leave] = useDisclosure(false)
  const queries = useQueryClient()
  const change = useMutation({
    mutationFn: (body: { daily_digest?: boolean; expiry_notices?: boolean; language?: 'ru' | 'en' }) =>
      ask(api.PATCH('/v1/me', { body })),
    onSuccess: (changed) => queries.setQueryData(['me'], changed),
  })
  const digest = change.isPending ? (change.variables.daily_digest ?? me.daily_digest) : me.daily_digest
  return (
    <>
      <Drawer
        opened={opened}
        onClose={onClose}
        position="right"
        size={380}
        title={title}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        <Stack gap="lg">
          <div>
            <Text fw={600}>{[me.last_name, me.first_name, me.middle_name].filter(Boolean).join(' ')}</Text>
            <Text size="sm" c="dimmed">
              {me.organisation.name}
            </Text>
            <Text size="sm" c="dimmed">
              {t('settings.number', { number: me.membership_number })}
            </Text>
          </div>
          {change.error ? <ProblemNote error={change.error} /> : null}
          <Switch
            label={t('settings.digest')}
            description={t('settings.digestHint')}
            checked={digest}
            data-testid="daily-digest"
            onChange={(event) => change.mutate({ daily_digest: event.currentTarget.checked })}
          />
          <Switch
            label={t('settings.expiry')}
            description={t('settings.expiryHint')}
            checked={
              change.isPending ? (change.variables.expiry_notices ?? me.expiry_notices) : me.expiry_notices
            }
            data-testid="expiry-notices"
            onChange={(event) => change.mutate({ expiry_notices: event.currentTarget.checked })}
          />
          <Stack gap={6}>
            <Text size="sm" fw={500}>
              {t('language')}
            </Text>
            <LanguageSwitch onChange={(language) => change.mutate({ language })} />
          </Stack>
          <Stack gap={6}>
            <Text size="sm" fw={500}>
              {t('theme.name')}
            </Text>
            <ThemeSwitch />
          </Stack>
          <Divider />
          <CardMore me={me} card={card} />
          {me.status === 'active' ? <OrderPlastic /> : null}
          {card && isLiving(card) ? (
            <Button
              variant="light"
              color="red"
              leftSection={<IconBan size={18} />}
              data-testid="block-card"
              onClick={block.open}
            >
              {t('block.open')}
            </Button>
          ) : null}
          {me.enrolled ? (
            <Button
              variant="default"
              leftSection={<IconDoorExit size={18} />}
              data-testid="leave-programme"
              onClick={leave.open}
            >
              {t('leaving.open')}
            </Button>
          ) : null}
          <Button
            variant="default"
            leftSection={<IconLogout size={18} />}
            data-testid="sign-out"
            onClick={() => void forgetAll().then(signOut)}
          >
            {t('signOut')}
          </Button>
        </Stack>
      </Drawer>
      {card ? <BlockCard card={card} opened={blocking} onClose={block.close} /> : null}
      <LeaveProgramme opened={leaving} onClose={leave.close} />
    </>
  )
}
