/** This browser as a device that draws a card's live code: provisioned once, then without network, also after a restart. */
import { useQuery } from '@tanstack/react-query'
import { api, askWhole } from '../api/client'
import type { Card, Me } from '../api/types'
import { clockOffset } from '../member/countdown'
import { importSecret } from './code'
import { clear, readAll, readOne, remove, write } from './store'

/** Whose name stands on the card; a family's phone knows none. */
export type Holder = Pick<Me, 'union' | 'status' | 'last_name' | 'first_name' | 'middle_name' | 'design'> & {
  /** The design's logo as an address that needs no network. */
  logo?: string
}

export interface Bars {
  code128: string
  ean13: string
}

export interface Device {
  /** The card's id. */
  card: string
  /** The device's id. */
  device: string
  /** The card as it was last seen. */
  view: Card
  holder: Holder
  /** Draws and can't be read. */
  key: CryptoKey
  /** What to add to this clock to get the server's. */
  offset: number
  /** The latest the server's clock was known to be: a clock before it was set back. */
  seenAt: number
  proof?: { value: string; valid_until: string }
  bars?: Bars
}

/** A proof is asked for anew when it has less than this left. */
const PROOF_LEFT_MS = 18 * 3_600_000

export function holderOf({ union, status, last_name, first_name, middle_name, design }: Me): Holder {
  return { union, status, last_name, first_name, middle_name: middle_name ?? null, design: design ?? null }
}

/** The logo of a design, as an address that needs no network; asked for when there is one. */
export async function logoOf(): Promise<string> {
  const { data } = await askWhole(
    api.GET('/v1/me/design/logo.png', { parseAs: 'blob' }) as Promise<{ data?: Blob; response: Response }>,
  )
  return new Promise((done, failed) => {
    const reader = new FileReader()
    reader.onload = () => done(String(reader.result))
    reader.onerror = () => failed(reader.error)
    reader.readAsDataURL(data)
  })
}

/** "Android · Chrome": what its owner knows it by. */
export function deviceName(agent = navigator.userAgent): string {
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent)?.[0] ?? ''
  const browser = /YaBrowser|Edg|OPR|Firefox|Chrome|Safari/.exec(agent)?.[0] ?? ''
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS': 'Mac', YaBrowser: 'Яндекс' }
  return [system, browser]
    .filter(Boolean)
    .map((name) => names[name] ?? name)
    .join(' · ')
}

/** Asks for a device of its own and keeps its key where it can't be read. */
export async function provision(card: Card, me: Me): Promise<Device> {
  const asked = Date.now()
  const body = { card: card.id, name: deviceName() }
  const { data, response } = await askWhole(api.POST('/v1/me/devices', { body }))
  const offset = clockOffset(response.headers.get('date'), asked, Date.now())
  const device: Device = {
    card: card.id,
    device: data.id,
    view: card,
    holder: holderOf(me),
    key: await importSecret(data.secret),
    offset,
    seenAt: Date.now() + offset,
  }
  await write('devices', device)
  return refreshed(device, card, me)
}

/** What this device shows without network, as of now: card, name, proof, bars. The caller is online. */
export async function refreshed(device: Device, card: Card, me: Me): Promise<Device> {
  const asked = Date.now()
  const path = { params: { path: { id: card.id } } }
  const left = Date.parse(device.proof?.valid_until ?? '') - (asked + device.offset)
  const fresh = { ...device, view: card, holder: await keptHolder(device.holder, me) }
  if (card.status === 'active' && !(left > PROOF_LEFT_MS)) {
    const { data, response } = await askWhole(api.GET('/v1/me/cards/{id}/proof', path))
    fresh.proof = data
    fresh.offset = clockOffset(response.headers.get('date'), asked, Date.now())
  }
  if (card.status === 'active' && !fresh.bars) {
    fresh.bars = { code128: await bars(card.id, 'code128'), ean13: await bars(card.id, 'ean13') }
  }
  fresh.seenAt = Date.now() + fresh.offset
  await write('devices', fresh)
  return fresh
}

/** Whose card it is now; a logo is fetched when the design is another one. */
async function keptHolder(before: Holder, me: Me): Promise<Holder> {
  const holder = holderOf(me)
  if (!holder.design?.logo) return holder
  const known = before.design?.id === holder.design.id ? before.logo : undefined
  return { ...holder, logo: known ?? (await logoOf()) }
}

/** The bars of a card's number, as a picture. */
export async function bars(card: string, kind: 'code128' | 'ean13'): Promise<string> {
  const params = { path: { id: card }, query: { kind } }
  const { data } = await askWhole(
    api.GET('/v1/me/cards/{id}/barcode.svg', { params, parseAs: 'text' }) as Promise<{
      data?: string
      response: Response
    }>,
  )
  return data
}

export function allDevices(): Promise<Device[]> {
  return readAll<Device>('devices').catch(() => [])
}

export async function forget(card: string): Promise<void> {
  await remove('devices', card).catch(() => undefined)
}

/** On signing out: this browser draws no more, and the server knows it, if it can be reached. */
export async function forgetAll(): Promise<void> {
  const devices = await allDevices()
  await clear('devices').catch(() => undefined)
  const revoke = (id: string) => api.DELETE('/v1/me/devices/{id}', { params: { path: { id } } })
  await Promise.all(devices.map(({ device }) => revoke(device).catch(() => undefined)))
}

/** This browser's device for a card: `null` when there is none, `undefined` while it is looked for. */
export function useDevice(card: string): Device | null | undefined {
  const query = useQuery({
    queryKey: ['device', card],
    queryFn: async () => (await readOne<Device>('devices', card).catch(() => undefined)) ?? null,
    staleTime: Number.POSITIVE_INFINITY,
  })
  return query.data
}

/** What a family's phone is given in a link: never sent to any server, since it stands behind the `#`. */
interface Gift {
  card: Card
  union: Me['union']
  device: string
  secret: string
}

const GIFT = '#card='

export function giftLink(gift: Gift): string {
  const bytes = new TextEncoder().encode(JSON.stringify(gift))
  const text = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
  return `${location.origin}/${GIFT}${text.replace(/=+$/, '')}`
}

/** Takes the card a link brought, and the link out of the address. */
export async function takeGift(): Promise<boolean> {
  if (!location.hash.startsWith(GIFT)) return false
  const text = location.hash.slice(GIFT.length).replaceAll('-', '+').replaceAll('_', '/')
  history.replaceState(null, '', '/')
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  const gift = JSON.parse(new TextDecoder().decode(bytes)) as Gift
  const offset = await serverOffset()
  await write('devices', {
    card: gift.card.id,
    device: gift.device,
    view: gift.card,
    holder: { union: gift.union, status: 'active', last_name: '', first_name: '' },
    key: await importSecret(gift.secret),
    offset,
    seenAt: Date.now() + offset,
  } satisfies Device)
  return true
}

/** How far this clock is off, by an answer nobody has to sign in for; 0 when nobody answers. */
async function serverOffset(): Promise<number> {
  const asked = Date.now()
  const answer = await fetch('/health/live', { cache: 'no-store' }).catch(() => undefined)
  return clockOffset(answer?.headers.get('date') ?? null, asked, Date.now())
}
