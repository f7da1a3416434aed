/** The face of the card: union, name, standing, the code on white with its quiet zone, digits, life line. */
import { Loader, Progress } from '@mantine/core'
import { IconLock, IconWifiOff } from '@tabler/icons-react'
import { type ReactNode, useMemo } from 'react'
import type { Card } from '../api/types'
import type { Holder } from '../offline/device'
import { useWords, type Words } from '../ui/words'
import { ClockNote } from './ClockNote'
import { groups, type Life } from './countdown'
import { faceColours, ring, waves } from './guilloche'
import { qrPath } from './qr'
import { type LiveCode, useLiveCode } from './useLiveCode'

/** A card that tills take: one in print, or waiting for its holder, is not yet. */
const LIVE_CARD = new Set(['active'])

export function CardFace({ me, card }: { me: Holder; card: Card }) {
  const words = useWords()
  const working = LIVE_CARD.has(card.status)
  const virtual = card.kind === 'virtual'
  const live = useLiveCode(card.id, virtual && working)
  const value = virtual ? live.code?.value : card.number
  return (
    <section
      className="face"
      aria-label={words.t('card.label')}
      style={faceColours(me) as React.CSSProperties}
      data-designed={Boolean(me.design)}
      data-testid="card-face"
    >
      <Lines />
      <Head me={me} card={card} />
      <h1 className="face-name">{shortName(me)}</h1>
      <div className="face-panel">
        {working ? <Panel value={value} live={virtual ? live : undefined} /> : <Closed card={card} />}
      </div>
      {working ? (
        <Digits number={card.number} value={value} />
      ) : (
        <Digits number={card.number} value={undefined} />
      )}
      {working ? (
        <div className="face-life">
          {virtual ? <LifeLine life={live.life} words={words} /> : words.t('card.plasticHint')}
        </div>
      ) : null}
      {virtual && working ? <ClockNote offset={live.offset} setBack={live.setBack} /> : null}
    </section>
  )
}

/** The union and the standing; a design may bring a logo and a title of its own. */
function Head({ me, card }: { me: Holder; card: Card }) {
  return (
    <div className="face-head">
      {me.logo ? <img className="face-logo" src={me.logo} alt="" data-testid="card-logo" /> : null}
      <div className="face-union" data-testid="card-title">
        {me.design?.title || me.union.name}
      </div>
      <Standing me={me} card={card} />
    </div>
  )
}

/** "Константинопольская-Заблоцкая А. В." */
function shortName(me: Holder): string {
  const initials = [me.first_name, me.middle_name].filter(Boolean).map((name) => `${[...(name ?? '')][0]}.`)
  return [me.last_name, initials.join('\u00a0')].filter(Boolean).join(' ')
}

function Lines() {
  const rings = useMemo(() => [...ring(336, 86, 118, 78, 26, 64), ...ring(-14, 372, 64, 44, 15, 44)], [])
  const band = useMemo(() => waves(400, 548, 24, 8), [])
  return (
    <svg className="face-lines" viewBox="0 0 400 560" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      {rings.map(({ cx, cy, rx, ry, turn }) => (
        <ellipse
          key={`${cx} ${cy}`}
          cx={cx}
          cy={cy}
          rx={rx}
          ry={ry}
          transform={`rotate(${turn} ${cx} ${cy})`}
        />
      ))}
      <path d={band} />
    </svg>
  )
}

function Standing({ me, card }: { me: Holder; card: Card }) {
  const { t } = useWords()
  const good = me.status === 'active' && LIVE_CARD.has(card.status)
  const word = me.status !== 'active' ? t(`standing.${me.status}`) : t(`card.status.${card.status}`)
  return (
    <span className="face-standing" data-good={good}>
      {word}
    </span>
  )
}

function Panel({ value, live }: { value: string | undefined; live: LiveCode | undefined }) {
  const { t } = useWords()
  const qr = useMemo(() => (value ? qrPath(value) : undefined), [value])
  const lost = live?.problem != null && (live.life === undefined || live.life.over)
  return (
    <>
      {qr ? (
        <svg
          className="qr"
          role="img"
          aria-label={t('card.qr')}
          viewBox={`0 0 ${qr.side} ${qr.side}`}
          shapeRendering="crispEdges"
          data-testid="card-qr"
          data-value={value}
          data-stale={lost}
        >
          <path d={qr.path} fill="#000" />
        </svg>
      ) : null}
      {lost ? (
        <Message icon={<IconWifiOff size={36} />}>
          {live?.problem?.offline ? t('card.offline') : live?.problem?.detail || t('card.noCode')}
        </Message>
      ) : null}
      {!qr && !lost ? <Message icon={<Loader size="sm" />}>{t('card.drawing')}</Message> : null}
    </>
  )
}

function Message({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <div className="face-message" role="status">
      {icon}
      {children}
    </div>
  )
}

function Closed({ card }: { card: Card }) {
  const { t } = useWords()
  return <Message icon={<IconLock size={36} />}>{t(`card.closed.${card.status}`)}</Message>
}

function Digits({ number, value }: { number: string; value: string | undefined }) {
  const live = value && value.length > number.length ? value.slice(number.length) : ''
  return (
    <div className="face-digits" data-testid="card-digits">
      {groups(number).map((four, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a group is its place, groups may be equal
        <span key={place}>{four}</span>
      ))}
      {groups(live).map((four, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a group is its place, groups may be equal
        <span key={`live${place}`} className="live">
          {four}
        </span>
      ))}
    </div>
  )
}

function LifeLine({ life, words }: { life: Life | undefined; words: Words }) {
  const left = life?.seconds ?? 0
  return (
    <>
      <Progress value={(life?.part ?? 0) * 100} size={5} radius="xl" color="var(--face-live)" aria-hidden />
      {life && !life.over ? words.t('card.renews', { count: left }) : words.t('card.renewing')}
    </>
  )
}
