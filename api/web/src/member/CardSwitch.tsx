/** Chooses among the member's cards; with one card it is only the brand. */
import { NativeSelect, SegmentedControl, Text } from '@mantine/core'
import type { Card } from '../api/types'
import { useWords } from '../ui/words'

interface Props {
  cards: Card[]
  chosen: string | undefined
  onChoose: (id: string) => void
}

export function CardSwitch({ cards, chosen, onChoose }: Props) {
  const { t } = useWords()
  function name({ kind, number, relation }: Card): string {
    const last = number.slice(-4)
    if (relation) return `${t(`family.relation.${relation}`)} ${last}`
    return cards.length > 2 ? `${t(`card.kind.${kind}`)} ${last}` : t(`card.kind.${kind}`)
  }
  if (cards.length < 2) {
    return (
      <Text size="sm" fw={600} c="dimmed">
        Unioncard
      </Text>
    )
  }
  const data = cards.map((card) => ({ value: card.id, label: name(card) }))
  // Three names don't fit beside one another on a phone.
  if (cards.length > 2) {
    return (
      <NativeSelect
        aria-label={t('card.choose')}
        value={chosen ?? ''}
        onChange={(event) => onChoose(event.currentTarget.value)}
        data={data}
      />
    )
  }
  return (
    <SegmentedControl aria-label={t('card.choose')} value={chosen ?? ''} onChange={onChoose} data={data} />
  )
}
