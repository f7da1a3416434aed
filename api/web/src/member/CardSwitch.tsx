/** Chooses among the member's cards; with one card it is only the brand. */
import { SegmentedControl, Text } from '@mantine/core'
import type { Card } from '../api/types'
import { useWords } from '../ui/words'

interface Props {
  cards: Card[]
  chosen: string | undefined
  onChoose: (id: string) => void
}

export function CardSwitch({ cards, chosen, onChoose }: Props) {
  const { t } = useWords()
  if (cards.length < 2) {
    return (
      <Text size="sm" fw={600} c="dimmed">
        Unioncard
      </Text>
    )
  }
  return (
    <SegmentedControl
      aria-label={t('card.choose')}
      value={chosen ?? ''}
      onChange={onChoose}
      data={cards.slice(0, 3).map((card) => ({
        value: card.id,
        label:
          cards.length > 2
            ? `${t(`card.kind.${card.kind}`)} ${card.number.slice(-4)}`
            : t(`card.kind.${card.kind}`),
      }))}
    />
  )
}
