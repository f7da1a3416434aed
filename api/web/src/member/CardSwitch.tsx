/** Chooses among the member's cards. */
import { NativeSelect, SegmentedControl } from '@mantine/core'
import type { Card } from '../api/types'
import { useWords } from '../ui/words'

interface Props {
  cards: Card[]
  chosen: string | undefined
  onChoose: (id: string) => void
}

export default function CardSwitch({ cards, chosen, onChoose }: Props) {
  const { t } = useWords()
  function name({ kind, number, relation }: Card): string {
    const last = number.slice(-4)
    if (relation) return `${t(`family.relation.${relation}`)} ${last}`
    return cards.length > 2 ? `${t(`card.kind.${kind}`)} ${last}` : t(`card.kind.${kind}`)
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
