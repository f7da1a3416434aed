/** The four balances. What can be spent and what waits are always there; reserve and debt when there are any. */
import { Alert, Paper, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Balance, Me } from '../api/types'
import { isZero } from '../ui/money'
import { Loaded } from '../ui/states'
import { useWords } from '../ui/words'
import { Donate } from './Donate'
import { ExpiringList } from './ExpiringList'
import { soon as soonOf } from './expiring'
import { operationsOf, useBalance, useOperations } from './queries'
import { nextRelease, type Release } from './release'

export function Balances({ me }: { me: Me }) {
  const balance = useBalance()
  const operations = useOperations()
  return (
    <Loaded query={balance} wait={<Skeleton height={112} radius="md" />}>
      {(data) => (
        <Stack gap="sm">
          <Figures balance={data} next={nextRelease(operationsOf(operations.data), operations.hasNextPage)} />
          <Donate me={me} balance={data} />
        </Stack>
      )}
    </Loaded>
  )
}

function Figures({ balance, next }: { balance: Balance; next: Release | undefined }) {
  const { t, rubles, dayShort } = useWords()
  const first = balance.expiring[0]
  const soon = soonOf(balance.expiring)
  return (
    <Stack gap="sm">
      <SimpleGrid cols={2} spacing="sm">
        <Tile name={t('balance.available')} amount={rubles(balance.available)} testid="balance-available">
          {first ? t('balance.expiring', { amount: rubles(first.amount), day: dayShort(first.on) }) : null}
        </Tile>
        <Tile name={t('balance.pending')} amount={rubles(balance.pending)} testid="balance-pending">
          {next ? `${rubles(next.amount)} — ${dayShort(next.at)}` : null}
        </Tile>
        {isZero(balance.reserved) ? null : (
          <Tile name={t('balance.reserved')} amount={rubles(balance.reserved)} testid="balance-reserved">
            {t('balance.reservedHint')}
          </Tile>
        )}
      </SimpleGrid>
      {soon ? <ExpiringList soon={soon} /> : null}
      {isZero(balance.debt) ? null : (
        <Alert
          color="red"
          title={t('balance.debt', { amount: rubles(balance.debt) })}
          data-testid="balance-debt"
        >
          {t('balance.debtHint')}
        </Alert>
      )}
      {isZero(balance.debt) && isZero(balance.reserved) ? (
        <Text size="xs" c="dimmed" px={4}>
          {t('balance.others', { reserved: rubles(balance.reserved), debt: rubles(balance.debt) })}
        </Text>
      ) : null}
    </Stack>
  )
}

interface TileProps {
  name: string
  amount: string
  testid: string
  children: ReactNode
}

function Tile({ name, amount, testid, children }: TileProps) {
  return (
    <Paper className="surface tile" p="md">
      <Text c="dimmed" size="md">
        {name}
      </Text>
      <div className="tile-amount" data-testid={testid}>
        {amount}
      </div>
      {children ? (
        <Text size="sm" c="dimmed" lh={1.35} mt={2}>
          {children}
        </Text>
      ) : null}
    </Paper>
  )
}
