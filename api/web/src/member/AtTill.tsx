/** The code as large as the screen, black on white: live, for a till without network, or as bars for old scanners. */
import { Button, Modal, SegmentedControl, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { api, ask } from '../api/client'
import type { Card } from '../api/types'
import { useDevice } from '../offline/device'
import { bars } from '../offline/provision'
import { useSession } from '../ui/session'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { groups } from './countdown'
import { qrPath } from './qr'
import { useLiveCode } from './useLiveCode'

type Way = 'live' | 'proof' | 'code128' | 'ean13'

interface Props {
  card: Card
  opened: boolean
  onClose: () => void
}

export default function AtTill({ card, opened, onClose }: Props) {
  const { t } = useWords()
  const virtual = card.kind === 'virtual'
  const [way, setWay] = useState<Way>(virtual ? 'live' : 'proof')
  useScreenOn(opened)
  const ways = useWays(card)
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      fullScreen
      title={t('atTill.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
      classNames={{ content: 'at-till', header: 'at-till', title: 'at-till-title' }}
    >
      <Stack align="center" gap="sm">
        {ways.length > 1 ? (
          <SegmentedControl
            aria-label={t('atTill.way')}
            value={way}
            onChange={(value) => setWay(ways.find((one) => one === value) ?? 'live')}
            data={ways.map((value) => ({ value, label: t(`atTill.ways.${value}`) }))}
            data-testid="at-till-way"
          />
        ) : null}
        {way === 'live' ? <Live card={card} /> : null}
        {way === 'proof' ? <Proof card={card} /> : null}
        {way === 'code128' || way === 'ean13' ? <Bars card={card} kind={way} /> : null}
        <Text size="sm" c="black" ta="center">
          {t('atTill.bright')}
        </Text>
        <Button variant="default" onClick={onClose} data-testid="at-till-close">
          {t('close')}
        </Button>
      </Stack>
    </Modal>
  )
}

/** The ways to show a card here: who isn't signed in, as on a family's phone, has what this device keeps and no more. */
function useWays(card: Card): Way[] {
  const { signedIn } = useSession()
  const device = useDevice(card.id)
  const ways: [Way, boolean][] = [
    ['live', card.kind === 'virtual'],
    ['proof', signedIn || device?.proof !== undefined],
    ['code128', signedIn || device?.bars !== undefined],
    ['ean13', signedIn || device?.bars !== undefined],
  ]
  return ways.filter(([, has]) => has).map(([way]) => way)
}

/** Keeps the screen from going dark while a cashier looks at it; how bright it is, no page may say. */
function useScreenOn(on: boolean) {
  useEffect(() => {
    if (!on || !('wakeLock' in navigator)) return
    let lock: WakeLockSentinel | undefined
    const hold = () => {
      if (document.visibilityState !== 'visible') return
      navigator.wakeLock.request('screen').then(
        (held) => {
          lock = held
        },
        () => undefined,
      )
    }
    hold()
    document.addEventListener('visibilitychange', hold)
    return () => {
      document.removeEventListener('visibilitychange', hold)
      void lock?.release()
    }
  }, [on])
}

function Picture({ value, testid }: { value: string; testid: string }) {
  const { t } = useWords()
  const qr = useMemo(() => qrPath(value), [value])
  return (
    <svg
      className="at-till-qr"
      role="img"
      aria-label={t('card.qr')}
      viewBox={`0 0 ${qr.side} ${qr.side}`}
      shapeRendering="crispEdges"
      data-testid={testid}
      data-value={value}
    >
      <path d={qr.path} fill="#000" />
    </svg>
  )
}

function Live({ card }: { card: Card }) {
  const { code, problem } = useLiveCode(card.id, true)
  if (!code) return problem ? <ProblemNote error={problem} /> : null
  return (
    <>
      <Picture value={code.value} testid="at-till-code" />
      <div className="at-till-digits" data-testid="at-till-digits">
        {groups(code.value).join(' ')}
      </div>
    </>
  )
}

function Proof({ card }: { card: Card }) {
  const { t, clock } = useWords()
  const device = useDevice(card.id)
  const asked = useQuery({
    queryKey: ['proof', card.id],
    queryFn: () => ask(api.GET('/v1/me/cards/{id}/proof', { params: { path: { id: card.id } } })),
    enabled: device !== undefined,
    retry: false,
  })
  const proof = asked.data ?? device?.proof
  if (!proof) return asked.error ? <ProblemNote error={asked.error} /> : null
  return (
    <>
      <Picture value={proof.value} testid="at-till-proof" />
      <Text c="black" ta="center">
        {t('atTill.proofHint', { until: clock(proof.valid_until) })}
      </Text>
    </>
  )
}

function Bars({ card, kind }: { card: Card; kind: 'code128' | 'ean13' }) {
  const { t } = useWords()
  const device = useDevice(card.id)
  const kept = device?.bars?.[kind]
  const asked = useQuery({
    queryKey: ['bars', card.id, kind],
    queryFn: () => bars(card.id, kind),
    enabled: device !== undefined && !kept,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const picture = kept ?? asked.data
  if (!picture) return asked.error ? <ProblemNote error={asked.error} /> : null
  return (
    <>
      <img
        className="at-till-bars"
        alt={t(`atTill.ways.${kind}`)}
        src={`data:image/svg+xml,${encodeURIComponent(picture)}`}
        data-testid={`bars-${kind}`}
      />
      <Text c="black" ta="center">
        {t('atTill.barsHint')}
      </Text>
    </>
  )
}
