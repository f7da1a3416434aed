/** Lines of a purchase, each with how much of it goes on or back. */
import { Checkbox, Text, TextInput } from '@mantine/core'
import { figure, isZero } from '../ui/money'
import { useWords } from '../ui/words'
import type { Line } from './lines'

interface Props {
  lines: Line[]
  /** What there is of each. */
  most: string[]
  parts: string[]
  wrong: number[]
  onChange: (parts: string[]) => void
}

export function PartLines({ lines, most, parts, wrong, onChange }: Props) {
  const { t, rubles, language } = useWords()
  const quantity = (text: string) => (language.startsWith('ru') ? text.replace('.', ',') : text)
  const set = (place: number, text: string) => onChange(parts.map((part, at) => (at === place ? text : part)))
  return (
    <fieldset className="parts" aria-label={t('lines.title')}>
      {lines.map((line, place) => {
        const left = most[place] ?? '0.00'
        const name = line.category ?? line.sku ?? t('lines.unnamed', { place: place + 1 })
        const part = parts[place] ?? ''
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place
          <div key={place} className="part-row" data-testid="part">
            <Checkbox
              label={line.quantity ? `${name} × ${quantity(line.quantity)}` : name}
              description={t('lines.of', { left: rubles(left), amount: rubles(line.amount) })}
              disabled={isZero(left)}
              checked={part !== ''}
              data-testid="part-chosen"
              onChange={(event) => set(place, event.currentTarget.checked ? figure(left, language) : '')}
            />
            <TextInput
              aria-label={t('lines.part', { name })}
              inputMode="decimal"
              autoComplete="off"
              placeholder="0,00"
              disabled={isZero(left)}
              data-testid="part-amount"
              value={part}
              error={wrong.includes(place)}
              onChange={(event) => set(place, event.currentTarget.value)}
            />
          </div>
        )
      })}
      {wrong.length > 0 ? (
        <Text size="sm" c="red" role="alert">
          {t('lines.tooMuch')}
        </Text>
      ) : null}
    </fieldset>
  )
}
