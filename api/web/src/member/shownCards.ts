/** Which of a member's cards the page shows. */
import type { Card, Me } from '../api/types'

const LIVING = new Set(['ordered', 'issued', 'active'])

export function isLiving({ status }: Pick<Card, 'status'>): boolean {
  return LIVING.has(status)
}

/**
 * The living ones, and the member's own in the phone that has ended while there is no other: a new one is issued in its
 * place. All there are, when that is none. They come newest first.
 */
export function worthShowing(cards: Card[]): Card[] {
  const inPhone = cards.filter(({ kind, relation }) => kind === 'virtual' && !relation)
  const ended = inPhone.some(isLiving) ? undefined : inPhone[0]
  const shown = cards.filter((card) => isLiving(card) || card === ended)
  return shown.length > 0 ? shown : cards
}

/** Whether a member gets another card in place of one: their own in the phone, which has ended. */
export function mayRenew(me: Pick<Me, 'status'>, card: Card): boolean {
  return me.status === 'active' && !isLiving(card) && card.kind === 'virtual' && !card.relation
}

/** The one to begin with: the member's own before the family's, one that tills take before others. */
export function firstShown(cards: Card[]): Card | undefined {
  return cards.find(({ status, relation }) => status === 'active' && !relation) ?? cards[0]
}
