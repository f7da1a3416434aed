/** Purchases that are only reserved: carried through for the same or less, or given up. */
import {
  Alert,
  Button,
  Center,
  Group,
  Kbd,
  Paper,
  Stack,
  Text,
  TextInput,
  UnstyledButton,
} from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { Purchase } from '../api/types'
import { isZero } from '../ui/money'
import { soldOf } from '../ui/sold'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { authorized, byReceipt } from './find'
import { HeldForm } from './HeldForm'
import { ResultScreen } from './ResultScreen'
import { soundNo } from './sounds'
import type { Done } from './today'

interface Props {
  outlet: string
  onDone: (row: Done) => void
  onNext: () => void
}

export function HeldFlow({ outlet, onDone, onNext }: Props) {
  const queries = useQueryClient()
  const queryKey = ['authorized', outlet]
  const held = useInfiniteQuery({
    queryKey,
    // Another till of the outlet reserves and captures, too.
    staleTime: 0,
    queryFn: ({ pageParam, signal }) => authorized(outlet, pageParam, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
  })
  const items = held.data?.pages.flatMap((page) => page.items)
  const more = {
    busy: held.isFetchingNextPage,
    fetch: held.hasNextPage ? () => void held.fetchNextPage() : undefined,
  }
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
          // Gone from the list at once: it is asked for anew.
          void queries.resetQueries({ queryKey })
        }}
      />
    )
  }
  return (
    <Loaded query={{ data: items, error: held.error, refetch: held.refetch }}>
      {(all) => <HeldList outlet={outlet} items={all} more={more} onOpen={setChosen} />}
    </Loaded>
  )
}

function captured(purchase: Purchase): Done {
  return {
    id: purchase.id,
    kind: 'purchase',
    receipt: purchase.receipt,
    amount: soldOf(purchase).amount,
    cashback: purchase.cashback.amount,
    at: new Date().toISOString(),
  }
}

interface ListProps {
  outlet: string
  items: Purchase[]
  more: { busy: boolean; fetch: (() => void) | undefined }
  onOpen: (purchase: Purchase) => void
}

/** Typing narrows the list; Enter asks for the receipt, however far down it lies. */
function HeldList({ outlet, items, more, onOpen }: ListProps) {
  const { t } = useWords()
  const [typed, setTyped] = useState('')
  const wanted = typed.trim()
  const shown = items.filter(({ receipt }) => receipt.toLowerCase().includes(wanted.toLowerCase()))
  const search = useMutation({
    mutationFn: (receipt: string) => byReceipt(outlet, receipt),
    onSuccess: (found) => (found?.status === 'authorized' ? onOpen(found) : soundNo()),
    onError: soundNo,
  })

  function submit(event: FormEvent) {
    event.preventDefault()
    if (wanted === '' || search.isPending) return
    const here =
      items.find(({ receipt }) => receipt === wanted) ?? (shown.length === 1 ? shown[0] : undefined)
    if (here) onOpen(here)
    else search.mutate(wanted)
  }

  if (items.length === 0) {
    return (
      <Paper className="surface" data-testid="held">
        <Empty title={t('held.empty')}>{t('held.emptyHint')}</Empty>
      </Paper>
    )
  }
  return (
    <Stack gap="md">
      <form onSubmit={submit}>
        <TextInput
          className="till-receipt"
          label={t('held.find')}
          description={t('held.findHint')}
          autoFocus
          autoComplete="off"
          maxLength={64}
          data-testid="held-find"
          rightSection={<Kbd visibleFrom="sm">Enter</Kbd>}
          rightSectionWidth={72}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value)
            search.reset()
          }}
        />
      </form>
      {search.error ? <ProblemNote error={search.error} /> : null}
      {search.data !== undefined && search.data?.status !== 'authorized' ? (
        <NotHeld found={search.data} />
      ) : null}
      <Paper className="surface" data-testid="held">
        {shown.map((purchase) => (
          <HeldRow key={purchase.id} purchase={purchase} onOpen={() => onOpen(purchase)} />
        ))}
        {shown.length === 0 ? <Empty title={t('held.notHere')}>{t('held.notHereHint')}</Empty> : null}
        {more.fetch ? (
          <Center p="sm">
            <Button variant="default" loading={more.busy} data-testid="held-more" onClick={more.fetch}>
              {t('more')}
            </Button>
          </Center>
        ) : null}
      </Paper>
    </Stack>
  )
}

/** The receipt is unknown, or what was reserved under it is decided. */
function NotHeld({ found }: { found: Purchase | null }) {
  const { t } = useWords()
  return (
    <Alert
      color={found ? 'amber' : 'red'}
      title={t(found ? 'held.decided' : 'refund.notFound')}
      role="alert"
      data-testid="held-not"
    >
      {found ? t(found.status === 'voided' ? 'held.wasVoided' : 'held.wasPosted') : t('refund.notFoundHint')}
    </Alert>
  )
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
