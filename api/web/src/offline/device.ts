/** This browser as a device that draws a card's live code: provisioned once, then without network, also after a restart. */
import { useQuery } from '@tanstack/react-query'
import { api, askWhole } from '../api/client'
import type { Card, Code, Me } from '../api/types'
import { drawCode } from './code'
import { change, clear, readAll, readOne, remove } from './store'

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
/** A clock set back by less is nobody's doing. */
const SET_BACK_MS = 60_000

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

/** Writes what has become known of a device; one that was forgotten meanwhile stays forgotten. */
export async function note({ card, device }: Device, known: Partial<Device>): Promise<void> {
  await change<Device>('devices', card, (kept) => (kept.device === device ? { ...kept, ...known } : kept))
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

/** Whether the clock was set back since the server was last asked, or a code was last drawn. */
export function setBack({ offset, seenAt }: Device): boolean {
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
