import { expect, it } from 'vitest'
import type { Card } from '../api/types'
import { firstShown, worthShowing } from './shownCards'

function card(id: string, more: Partial<Card> = {}): Card {
  return { id, number: id, kind: 'virtual', status: 'active', expires_on: '2031-01-01', ...more }
}

function ids(cards: Card[]): string[] {
  return worthShowing(cards).map(({ id }) => id)
}

const plastic = card('plastic', { kind: 'plastic' })
const child = card('child', { relation: 'child' })

it('shows what lives, and what ended until it is replaced', () => {
  const blocked = card('blocked', { status: 'blocked' })
  const older = card('older', { status: 'blocked' })
  expect(ids([card('new'), blocked, plastic])).toEqual(['new', 'plastic'])
  expect(ids([blocked, older, plastic])).toEqual(['blocked', 'plastic'])
  expect(ids([card('expired', { status: 'expired' }), child])).toEqual(['expired', 'child'])
  expect(ids([card('new'), { ...plastic, status: 'blocked' }])).toEqual(['new'])
  const gone = { ...plastic, status: 'blocked' }
  expect(worthShowing([gone]), 'all there is').toEqual([gone])
})

it('begins with the member’s own card', () => {
  const blocked = card('blocked', { status: 'blocked' })
  expect(firstShown([blocked, child])?.id, 'rather than with a child’s').toBe('blocked')
  expect(firstShown([blocked, { ...plastic, status: 'ordered' }])?.id).toBe('blocked')
  expect(firstShown([blocked, child, plastic])?.id, 'with one that works').toBe('plastic')
  expect(firstShown([])).toBeUndefined()
})
