/** What an app signs in with, told once: to be copied and handed over. */
import { Alert, Button, CopyButton, Group, Stack, Text } from '@mantine/core'
import { IconCheck, IconCopy, IconKey } from '@tabler/icons-react'
import type { WalletApp } from '../../api/types'
import { useWords } from '../../ui/words'

export function Credentials({ app, onDone }: { app: WalletApp; onDone: () => void }) {
  const { t } = useWords()
  return (
    <Stack data-testid="app-credentials">
      <Copied label={t('wallets.clientId')} value={app.client_id} testId="app-client-id" />
      {app.client_secret ? (
        <Copied label={t('wallets.secret')} value={app.client_secret} testId="app-secret" />
      ) : null}
      <Alert color={app.client_secret ? 'amber' : 'gray'} icon={<IconKey size={20} />}>
        {t(app.client_secret ? 'wallets.secretOnce' : 'wallets.noSecret')}
      </Alert>
      <Group justify="flex-end">
        <Button data-testid="app-understood" onClick={onDone}>
          {t('wallets.understood')}
        </Button>
      </Group>
    </Stack>
  )
}

function Copied({ label, value, testId }: { label: string; value: string; testId: string }) {
  const { t } = useWords()
  return (
    <div>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }} data-testid={testId}>
          {value}
        </Text>
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button
              size="xs"
              flex="none"
              variant="default"
              leftSection={copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
              aria-label={`${t('wallets.copy')}: ${label}`}
              onClick={copy}
            >
              {t(copied ? 'wallets.copied' : 'wallets.copy')}
            </Button>
          )}
        </CopyButton>
      </Group>
    </div>
  )
}
