/** This browser as a device that draws a card's live code: provisioned once, then without network, also after a restart. */
import { useQuery } from '@tanstack/react-query'
import { api, ask, askWhole, PATIENCE_MS } from '../api/client'
import type { Card, Code, Me } from '../api/types'
import { clockOffset } from '../member/countdown'
import { drawCode, importSecret } from './code'
import { change, clear, readAll, readOne, remove, write } from './store'

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
  proof?: { value: string; valid_until: string } | undefined
  bars?: Bars
}

/** What a link with a card for a family's phone begins with, behind its address (`gift.ts`). */
export const GIFT = '#card='
/** A proof is asked for anew when it has less than this left. */
const PROOF_LEFT_MS = 18 * 3_600_000
/** A clock set back by less is nobody's doing. */
const SET_BACK_MS = 60_000
/** The server tells whole seconds: a difference below this is the measurement's. */
const ROUGH_MS = 3_000

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
  await stay()
  await refreshed(device, card, me)
  return (await readOne<Device>('devices', card.id)) ?? device
}

/** A key is told once, so the browser is asked not to clear it away when it needs room. */
export async function stay(): Promise<void> {
  await navigator.storage?.persist?.().catch(() => false)
}

/** Writes what has become known of a device; one that was forgotten meanwhile stays forgotten. */
async function note({ card, device }: Device, known: Partial<Device>): Promise<void> {
  await change<Device>('devices', card, (kept) => (kept.device === device ? { ...kept, ...known } : kept))
}

/**
 * What this device shows without network, as of now: card, name, proof, bars. The caller is online. What is known already
 * is written before anything is asked for, so that a refusal doesn't hide that a member was suspended.
 */
export async function refreshed(device: Device, card: Card, me: Me): Promise<void> {
  const good = me.status === 'active' && card.status === 'active'
  const holder = holderOf(me)
  const logo = holder.design?.logo && holder.design.id === device.holder.design?.id && device.holder.logo
  if (logo) holder.logo = logo
  await note(device, { view: card, holder, ...(good ? {} : { proof: undefined }) })
  if (holder.design?.logo && !logo) await note(device, { holder: { ...holder, logo: await logoOf() } })
  if (!good) return
  const left = Date.parse(device.proof?.valid_until ?? '') - (Date.now() + device.offset)
  if (!(left > PROOF_LEFT_MS)) {
    const path = { params: { path: { id: card.id } } }
    await note(device, { proof: await ask(api.GET('/v1/me/cards/{id}/proof', path)) })
  }
  if (!device.bars) {
    const [code128, ean13] = [await bars(card.id, 'code128'), await bars(card.id, 'ean13')]
    await note(device, { bars: { code128, ean13 } })
  }
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

/** How far this clock is off, by an answer nobody has to sign in for; `undefined` when nobody answers. */
export async function serverOffset(): Promise<number | undefined> {
  const asked = Date.now()
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const answer = await fetch('/health/live', { cache: 'no-store', signal }).catch(() => undefined)
  const date = answer?.ok ? answer.headers.get('date') : undefined
  return date ? clockOffset(date, asked, Date.now()) : undefined
}

/** Measures this clock for all devices; whether any was off by another amount than was known. */
export async function measureClock(): Promise<boolean> {
  const offset = await serverOffset()
  if (offset === undefined) return false
  const devices = await allDevices()
  const seenAt = Date.now() + offset
  await Promise.all(devices.map((device) => note(device, { offset, seenAt })))
  return devices.some((device) => Math.abs(device.offset - offset) > ROUGH_MS || setBack(device))
}

/** Whether the clock was set back since the server was last asked, or a code was last drawn. */
function setBack({ offset, seenAt }: Device): boolean {
  return Date.now() + offset < seenAt - SET_BACK_MS
}

/** The code of now, by what is known now of this clock. That time came so far is kept. */
export async function drawNow(device: Device): Promise<{ code: Code; offset: number; setBack: boolean }> {
  const kept = await readOne<Device>('devices', device.card).catch(() => undefined)
  const current = kept?.device === device.device ? kept : device
  const { key, view, offset, seenAt } = current
  const now = Date.now() + offset
  if (now > seenAt) await note(current, { seenAt: now }).catch(() => undefined)
  return { code: await drawCode(key, view.number, now), offset, setBack: setBack(current) }
}
