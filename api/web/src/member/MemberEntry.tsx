/** The member's page: sign-in, or the card with everything under it. */
import { ActionIcon, Button, Container, Skeleton, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconReceipt, IconSettings } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState } from 'react'
import { api, ask, PATIENCE_MS } from '../api/client'
import { asProblem } from '../api/problem'
import type { Card, Me } from '../api/types'
import { type Device, type Holder, holderOf, logoOf } from '../offline/device'
import { speak, storedLanguage } from '../ui/i18n'
import { useSession } from '../ui/session'
import { Loaded } from '../ui/states'
import { useWords } from '../ui/words'
import { Balances } from './Balances'
import { CardFace } from './CardFace'
import { EnrolmentOffer } from './EnrolmentOffer'
import { OfflineOffer } from './OfflineOffer'
import { Operations } from './Operations'
import { ShowLarge } from './ShowLarge'
import { SignIn } from './SignIn'
import { firstShown, mayRenew, worthShowing } from './shownCards'
import { Standing } from './TierCard'
import { useKeptDevices, useMeasuredClock, useUpkeep } from './useKept'
import { WalletButtons } from './WalletButtons'

/** A server that could not be reached is asked again by itself. */
const AGAIN_MS = 15_000

/** Behind a tap, or for whoever has several cards, no good one or no network: so out of the first load. */
const Settings = lazy(() => import('./Settings'))
const Claims = lazy(() => import('./Claims'))
const CardSwitch = lazy(() => import('./CardSwitch'))
const KeptCard = lazy(() => import('./KeptCard'))
const RenewCard = lazy(() => import('./RenewCard'))

export function MemberEntry() {
  const { signedIn } = useSession()
  const [entering, setEntering] = useState(false)
  const kept = useKeptDevices()
  useMeasuredClock(kept)
  if (signedIn) return <Home kept={kept} />
  if (!kept) return null
  if (kept.length > 0 && !entering) {
    return (
      <Suspense fallback={null}>
        <KeptCard devices={kept} why="guest" onRetry={() => setEntering(true)} />
      </Suspense>
    )
  }
  return <SignIn />
}

function Home({ kept }: { kept: Device[] | undefined }) {
  const { t } = useWords()
  const { signOut } = useSession()
  const me = useQuery({ queryKey: ['me'], queryFn: () => ask(api.GET('/v1/me')), refetchInterval: onceMore })
  const cards = useQuery({
    queryKey: ['cards'],
    queryFn: async () => (await ask(api.GET('/v1/me/cards', { params: { query: { limit: 200 } } }))).items,
    refetchInterval: onceMore,
  })
  useTheirLanguage(me.data)
  const failed = me.error ?? cards.error
  // The first failure is enough to show what is kept; asking goes on behind it.
  const first = failed ?? me.failureReason ?? cards.failureReason
  const waiting = !(me.data && cards.data)
  const late = useLate(waiting)
  const unreachable = first !== null && asProblem(first).unreachable
  if (waiting && (late || unreachable) && kept && kept.length > 0) {
    const again = () => void Promise.all([me.refetch(), cards.refetch()])
    return (
      <Suspense fallback={<Waiting />}>
        <KeptCard devices={kept} why="offline" onRetry={again} />
      </Suspense>
    )
  }
  return (
    <Loaded
      query={{
        data: me.data && cards.data ? { me: me.data, cards: cards.data } : undefined,
        error: failed,
        refetch: () => [me.refetch(), cards.refetch()],
      }}
      wait={<Waiting />}
    >
      {(data) =>
        data.cards.length > 0 ? (
          <Page me={data.me} cards={data.cards} />
        ) : (
          <Container component="main" size={480} py="xl">
            <Stack align="center">
              {t('card.none')}
              <Button variant="default" onClick={() => void signOut()}>
                {t('signOut')}
              </Button>
            </Stack>
          </Container>
        )
      }
    </Loaded>
  )
}

function onceMore({ state }: { state: { error: unknown } }): number | false {
  return state.error && asProblem(state.error).unreachable ? AGAIN_MS : false
}

/** Whether something has been waited for so long that what this browser keeps is better than nothing. */
function useLate(waiting: boolean): boolean {
  const [late, setLate] = useState(false)
  useEffect(() => {
    if (!waiting) return
    const timer = setTimeout(() => setLate(true), PATIENCE_MS)
    return () => {
      clearTimeout(timer)
      setLate(false)
    }
  }, [waiting])
  return late
}

/** Who hasn't chosen a language in this browser reads the one the union knows them by. */
function useTheirLanguage(me: Me | undefined) {
  const theirs = me?.language
  useEffect(() => {
    if (!storedLanguage() && (theirs === 'ru' || theirs === 'en')) void speak(theirs, false)
  }, [theirs])
}

function Page({ me, cards }: { me: Me; cards: Card[] }) {
  const { t } = useWords()
  const [chosen, setChosen] = useState<string>()
  const [settings, setSettings] = useState<boolean>()
  useUpkeep(me, cards)
  const holder = useHolder(me)
  const shown = worthShowing(cards)
  const card = shown.find(({ id }) => id === chosen) ?? firstShown(shown)
  // What becomes of the card in the settings is seen when they are closed.
  function openSettings() {
    setChosen(card?.id)
    setSettings(true)
  }
  return (
    <main className="home">
      <div className="home-card">
        <Stack gap={8}>
          <CardBar cards={shown} card={card} onChoose={setChosen} onSettings={openSettings} />
          {card ? <CardFace key={card.id} me={holder} card={card} /> : null}
          {card && mayRenew(me, card) ? (
            <Suspense fallback={null}>
              <RenewCard key={`renew-${card.id}`} card={card} />
            </Suspense>
          ) : null}
          {card ? <ShowLarge card={card} /> : null}
          {card ? <WalletButtons key={`wallets-${card.id}`} card={card} /> : null}
          {card ? <OfflineOffer key={`offer-${card.id}`} me={me} card={card} /> : null}
        </Stack>
      </div>
      <Stack gap="md">
        {me.enrolled ? null : <EnrolmentOffer />}
        <Standing me={me} />
        <Balances me={me} />
        <Operations />
        <Missing />
      </Stack>
      {settings === undefined ? null : (
        <Suspense fallback={null}>
          <Settings
            me={me}
            card={card}
            opened={settings}
            onClose={() => setSettings(false)}
            title={t('settings.title')}
          />
        </Suspense>
      )}
    </main>
  )
}

/** Whose card it is, with the logo of its design once it is there. */
function useHolder(me: Me): Holder {
  const logo = useQuery({
    queryKey: ['design-logo', me.design?.id],
    enabled: me.design?.logo === true,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: logoOf,
  })
  return { ...holderOf(me), ...(logo.data ? { logo: logo.data } : {}) }
}

/** A purchase that never arrived: its receipt can be sent. */
function Missing() {
  const { t } = useWords()
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button
        variant="default"
        size="md"
        leftSection={<IconReceipt size={20} />}
        data-testid="claims"
        onClick={open}
      >
        {t('claims.open')}
      </Button>
      {opened ? (
        <Suspense fallback={null}>
          <Claims onClose={close} />
        </Suspense>
      ) : null}
    </>
  )
}

interface BarProps {
  cards: Card[]
  card: Card | undefined
  onChoose: (id: string) => void
  onSettings: () => void
}

function CardBar({ cards, card, onChoose, onSettings }: BarProps) {
  const { t } = useWords()
  return (
    <div className="card-bar">
      {cards.length < 2 ? (
        <Text size="sm" fw={600} c="dimmed">
          Unioncard
        </Text>
      ) : (
        <Suspense fallback={<span />}>
          <CardSwitch cards={cards} chosen={card?.id} onChoose={onChoose} />
        </Suspense>
      )}
      <ActionIcon
        variant="subtle"
        color="gray"
        size={44}
        aria-label={t('settings.title')}
        data-testid="settings"
        onClick={onSettings}
      >
        <IconSettings size={24} stroke={1.7} />
      </ActionIcon>
    </div>
  )
}

function Waiting() {
  const { t } = useWords()
  return (
    <main className="home" aria-busy="true" aria-label={t('loading')}>
      <Skeleton height={520} radius={24} mt={52} />
      <Stack>
        <Skeleton height={110} radius="md" />
        <Skeleton height={320} radius="md" />
      </Stack>
    </main>
  )
}
