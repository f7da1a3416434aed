/** What only a browser needs that is a device, or becomes one: it is made, kept current, its clock measured. */
import { api, ask, askWhole, PATIENCE_MS } from '../api/client'
import type { Card, Me } from '../api/types'
import { clockOffset } from '../member/countdown'
import { importSecret } from './code'
import { allDevices, type Device, holderOf, logoOf, note, setBack } from './device'
import { readOne, write } from './store'

/** A proof is asked for anew when it has less than this left. */
const PROOF_LEFT_MS = 18 * 3_600_000
/** The server tells whole seconds: a difference below this is the measurement's. */
const ROUGH_MS = 3_000

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
