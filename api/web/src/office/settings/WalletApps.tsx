/** Others' wallets that may show members' cards: registered, changed, switched off. */
import { Badge, Button, Modal } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import type { WalletApp } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED, MAY } from '../sections'
import { useMay } from '../staff'
import { Credentials } from './Credentials'
import { RegisterForm } from './WalletAppForm'
import { WalletAppRecord } from './WalletAppRecord'

export default function WalletApps({ chosen }: { chosen?: string | undefined }) {
  return (
    <Guarded section="wallets">
      <Page chosen={chosen} />
    </Guarded>
  )
}

function Page({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [, go] = useLocation()
  const may = useMay(MAY.keepWallets)
  const [registering, setRegistering] = useState(false)
  const apps = useQuery({
    queryKey: ['wallet-apps'],
    queryFn: async () => (await ask(api.GET('/v1/wallet-apps', { params: { query: { limit: 200 } } }))).items,
  })
  const opened = apps.data?.find(({ id }) => id === chosen)
  return (
    <>
      <PageHead title={t('wallets.title')} hint={t('wallets.hint')}>
        {may && apps.data ? (
          <Button data-testid="app-register" onClick={() => setRegistering(true)}>
            {t('wallets.register')}
          </Button>
        ) : null}
      </PageHead>
      <Beside
        title={opened?.name ?? ''}
        record={opened ? <WalletAppRecord key={opened.id} app={opened} /> : undefined}
        onClose={() => go('/wallets')}
      >
        <Loaded query={apps} allowed={ALLOWED.wallets}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={opened !== undefined}
                label={t('wallets.title')}
                columns={columnsOf(words)}
                rows={rows}
                rowKey={({ id }) => id}
                rowTestId="app-row"
                chosen={opened?.id}
                onOpen={({ id }) => go(`/wallets/${id}`)}
              />
            ) : (
              <Empty title={t('wallets.empty')}>{t('wallets.emptyHint')}</Empty>
            )
          }
        </Loaded>
      </Beside>
      <Registering opened={registering} onClose={() => setRegistering(false)} />
    </>
  )
}

function Registering({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  const [made, setMade] = useState<WalletApp>()
  const close = () => {
    setMade(undefined)
    onClose()
  }
  return (
    <Modal
      opened={opened}
      onClose={close}
      size="lg"
      title={t(made ? 'wallets.registered' : 'wallets.register')}
      // The secret is shown once: it isn't lost by a slip.
      closeOnClickOutside={made === undefined}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {made ? <Credentials app={made} onDone={close} /> : <RegisterForm onMade={setMade} />}
    </Modal>
  )
}

function columnsOf({ t, dayStamp }: Words): Column<WalletApp>[] {
  return [
    { key: 'name', wrap: true, title: t('wallets.name'), cell: ({ name }) => name, sort: ({ name }) => name },
    {
      key: 'client',
      secondary: true,
      title: t('wallets.clientId'),
      cell: ({ client_id }) => <code>{client_id}</code>,
      sort: ({ client_id }) => client_id,
    },
    {
      key: 'kind',
      secondary: true,
      title: t('wallets.kind'),
      cell: (app) => t(app.public ? 'wallets.kindPublic' : 'wallets.kindSecret'),
      sort: (app) => Number(app.public),
    },
    {
      key: 'created',
      title: t('wallets.created'),
      cell: ({ created_at }) => dayStamp(created_at),
      sort: ({ created_at }) => created_at,
    },
    {
      key: 'state',
      title: t('wallets.state'),
      cell: ({ revoked_at }) => (
        <Badge color={revoked_at ? 'gray' : 'green'}>{t(revoked_at ? 'wallets.off' : 'wallets.on')}</Badge>
      ),
      sort: ({ revoked_at }) => (revoked_at ? 1 : 0),
    },
  ]
}
