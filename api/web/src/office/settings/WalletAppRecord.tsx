/** An app: what it may, and what can be done with it. What ends something says so before. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import type { WalletApp } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { scopeWords } from '../../ui/scopes'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { MAY } from '../sections'
import { useMay } from '../staff'
import { Credentials } from './Credentials'
import { ChangeForm } from './WalletAppForm'

type Deed = 'change' | 'renew' | 'turnOff'

export function WalletAppRecord({ app }: { app: WalletApp }) {
  const { t } = useWords()
  const may = useMay(MAY.keepWallets) && !app.revoked_at
  const [deed, setDeed] = useState<Deed>()
  const close = () => setDeed(undefined)
  if (deed === 'change') return <ChangeForm app={app} onDone={close} />
  return (
    <Stack data-testid="app-record">
      <What app={app} />
      {may ? (
        <Group gap="xs">
          <Button size="xs" variant="default" data-testid="app-change" onClick={() => setDeed('change')}>
            {t('wallets.change')}
          </Button>
          {app.public ? null : (
            <Button size="xs" variant="default" data-testid="app-renew" onClick={() => setDeed('renew')}>
              {t('wallets.renew')}
            </Button>
          )}
          <Button
            size="xs"
            variant="subtle"
            color="red"
            data-testid="app-turn-off"
            onClick={() => setDeed('turnOff')}
          >
            {t('wallets.turnOff')}
          </Button>
        </Group>
      ) : null}
      <Renewing app={app} opened={deed === 'renew'} onClose={close} />
      <TurningOff app={app} opened={deed === 'turnOff'} onClose={close} />
    </Stack>
  )
}

function What({ app }: { app: WalletApp }) {
  const { t, stamp } = useWords()
  const scopes = app.scopes.map((scope) => t(`walletScope.${scopeWords(scope)}`))
  return (
    <Facts
      rows={[
        [t('wallets.idShort'), <code key="client">{app.client_id}</code>],
        [t('wallets.kind'), t(app.public ? 'wallets.kindPublic' : 'wallets.kindSecret')],
        [
          t('wallets.urisShort'),
          <Stack key="uris" gap={2}>
            {app.redirect_uris.map((uri) => (
              <code key={uri}>{uri}</code>
            ))}
          </Stack>,
        ],
        [t('wallets.scopes'), scopes.join(', ')],
        [t('wallets.created'), stamp(app.created_at)],
        [t('wallets.offSince'), app.revoked_at ? stamp(app.revoked_at) : null],
      ]}
    />
  )
}

interface DeedProps {
  app: WalletApp
  opened: boolean
  onClose: () => void
}

function Renewing({ app, opened, onClose }: DeedProps) {
  const { t } = useWords()
  const renewing = useMutation({
    mutationFn: () => ask(api.POST('/v1/wallet-apps/{id}/secret', { params: { path: { id: app.id } } })),
  })
  const close = () => {
    renewing.reset()
    onClose()
  }
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={renewing.data ? t('wallets.renewed') : t('wallets.renewTitle', { name: app.name })}
      closeOnClickOutside={renewing.data === undefined}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {renewing.data ? (
        <Credentials app={renewing.data} onDone={close} />
      ) : (
        <Sure
          text={t('wallets.renewText')}
          act={t('wallets.renewDo')}
          acting={renewing}
          onClose={close}
          testId="app-renew-confirm"
        />
      )}
    </Modal>
  )
}

function TurningOff({ app, opened, onClose }: DeedProps) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const ending = useMutation({
    mutationFn: () => ask(api.DELETE('/v1/wallet-apps/{id}', { params: { path: { id: app.id } } })),
    onSuccess: async () => {
      say(t('wallets.turnedOff'))
      onClose()
      await queries.invalidateQueries({ queryKey: ['wallet-apps'] })
    },
  })
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('wallets.turnOffTitle', { name: app.name })}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Sure
        red
        text={t('wallets.turnOffText')}
        act={t('wallets.turnOffDo')}
        acting={ending}
        onClose={onClose}
        testId="app-turn-off-confirm"
      />
    </Modal>
  )
}

interface SureProps {
  text: string
  act: string
  acting: { error: unknown; isPending: boolean; mutate: () => void }
  onClose: () => void
  testId: string
  red?: boolean
}

function Sure({ text, act, acting, onClose, testId, red = false }: SureProps) {
  return (
    <Stack>
      <Text size="sm">{text}</Text>
      {acting.error ? <ProblemNote error={acting.error} allowed={MAY.keepWallets} /> : null}
      <CancelOr
        onCancel={onClose}
        {...(red ? { color: 'red' } : {})}
        loading={acting.isPending}
        data-testid={testId}
        onClick={() => acting.mutate()}
      >
        {act}
      </CancelOr>
    </Stack>
  )
}
