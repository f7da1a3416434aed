/** Purchases that are only reserved: carried through for the same or less, or given up. */
import { Group, Paper, Stack, Text, UnstyledButton } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Purchase } from '../api/types'
import { isZero } from '../ui/money'
import { Empty, Loaded } from '../ui/states'
import { useWords } from '../ui/words'
import { authorized } from './find'
import { HeldForm } from './HeldForm'
import { ResultScreen } from './ResultScreen'
import type { Done } from './today'

interface Props {
  outlet: string
  onDone: (row: Done) => void
  onNext: () => void
}

export function HeldFlow({ outlet, onDone, onNext }: Props) {
  const { t } = useWords()
  const queries = useQueryClient()
  const queryKey = ['authorized', outlet]
  const held = useQuery({ queryKey, queryFn: () => authorized(outlet) })
  const [chosen, setChosen] = useState<Purchase>()
  const [after, setAfter] = useState<Purchase>()
  if (after) return <ResultScreen purchase={after} onNext={onNext} />
  if (chosen) {
    return (
      <HeldForm
        purchase={chosen}
        onBack={() => setChosen(undefined)}
        onDone={(purchase) => {
          setAfter(purchase)
          if (purchase.status !== 'voided') onDone(captured(purchase))
          // Gone from the list at once; the server is asked as well.
          queries.setQueryData<Purchase[]>(queryKey, (items) => items?.filter(({ id }) => id !== purchase.id))
          void queries.invalidateQueries({ queryKey })
        }}
      />
    )
  }
  return (
    <Paper className="surface" data-testid="held">
      <Loaded query={held}>
        {(items) =>
          items.length > 0 ? (
            items.map((purchase) => (
              <HeldRow key={purchase.id} purchase={purchase} onOpen={() => setChosen(purchase)} />
            ))
          ) : (
            <Empty title={t('held.empty')}>{t('held.emptyHint')}</Empty>
          )
        }
      </Loaded>
    </Paper>
  )
}

function captured(purchase: Purchase): Done {
  return {
    id: purchase.id,
    kind: 'purchase',
    receipt: purchase.receipt,
    amount: purchase.amount,
    cashback: purchase.cashback.amount,
    at: new Date().toISOString(),
  }
}

function HeldRow({ purchase, onOpen }: { purchase: Purchase; onOpen: () => void }) {
  const { t, rubles, near } = useWords()
  return (
    <UnstyledButton className="today-row" data-testid="held-row" onClick={onOpen}>
      <Group gap="sm">
        <Stack gap={0}>
          <Text fw={500}>{purchase.receipt}</Text>
          <Text size="sm" c="dimmed">
            {purchase.occurred_at ? near(purchase.occurred_at) : null}
          </Text>
        </Stack>
      </Group>
      <div className="number">
        <Text>{rubles(purchase.amount)}</Text>
        {isZero(purchase.redeemed) ? null : (
          <Text size="sm" c="amber">
            {t('held.reserved', { amount: rubles(purchase.redeemed) })}
          </Text>
        )}
      </div>
    </UnstyledButton>
  )
}
