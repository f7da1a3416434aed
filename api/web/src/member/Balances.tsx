/** The four balances, always all of them; what can be spent and what waits are the large ones. */
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
  const owes = !isZero(balance.debt)
  return (
    <Stack gap="sm">
      <SimpleGrid cols={2} spacing="sm">
        <Tile name={t('balance.available')} amount={rubles(balance.available)} testid="balance-available">
          {first ? t('balance.expiring', { amount: rubles(first.amount), day: dayShort(first.on) }) : null}
        </Tile>
        <Tile name={t('balance.pending')} amount={rubles(balance.pending)} testid="balance-pending">
          {next ? `${rubles(next.amount)} — ${dayShort(next.at)}` : null}
        </Tile>
        <Tile small name={t('balance.reserved')} amount={rubles(balance.reserved)} testid="balance-reserved">
          {isZero(balance.reserved) ? null : t('balance.reservedHint')}
        </Tile>
        <Tile
          small
          wrong={owes}
          name={t('balance.debt')}
          amount={rubles(balance.debt)}
          testid="balance-debt"
        />
      </SimpleGrid>
      {owes ? <Alert color="red">{t('balance.debtHint')}</Alert> : null}
      {soon ? <ExpiringList soon={soon} /> : null}
    </Stack>
  )
}

interface TileProps {
  name: string
  amount: string
  testid: string
  small?: boolean
  wrong?: boolean
  children?: ReactNode
}

function Tile({ name, amount, testid, small = false, wrong = false, children }: TileProps) {
  return (
    <Paper className="surface tile" px="md" py={small ? 'xs' : 'md'}>
      <Text c="dimmed" size={small ? 'sm' : 'md'}>
        {name}
      </Text>
      <div
        className={small ? 'tile-amount tile-small' : 'tile-amount'}
        data-wrong={wrong || undefined}
        data-testid={testid}
      >
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
