/** A card for a family's phone, in a link: loaded where one is made or taken. */
import type { Card, Me } from '../api/types'
import { importSecret } from './code'
import { type Device, GIFT } from './device'
import { serverOffset, stay } from './provision'
import { write } from './store'

/** What a family's phone is given in a link: never sent to any server, since it stands behind the `#`. */
interface Gift {
  card: Card
  union: Me['union']
  device: string
  secret: string
}

export function giftLink(gift: Gift): string {
  const bytes = new TextEncoder().encode(JSON.stringify(gift))
  const text = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
  return `${location.origin}/${GIFT}${text.replace(/=+$/, '')}`
}

/** Takes the card a link brought, and the link out of the address. */
export async function takeGift(): Promise<void> {
  const text = location.hash.slice(GIFT.length).replaceAll('-', '+').replaceAll('_', '/')
  history.replaceState(null, '', '/')
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  const gift = JSON.parse(new TextDecoder().decode(bytes)) as Gift
  const offset = (await serverOffset()) ?? 0
  await write('devices', {
    card: gift.card.id,
    device: gift.device,
    view: gift.card,
    holder: { union: gift.union, status: 'active', last_name: '', first_name: '' },
    key: await importSecret(gift.secret),
    offset,
    seenAt: Date.now() + offset,
  } satisfies Device)
  await stay()
}
