/** The lines of a receipt, typed: category, quantity, amount. Enter goes on to the next line, on a blank one it posts. */
import { ActionIcon, Autocomplete, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { useWords } from '../ui/words'
import { EMPTY_LINE, type TypedLine } from './lines'

interface Props {
  lines: TypedLine[]
  wrong: number[]
  onChange: (lines: TypedLine[]) => void
}

const PLACE = 'unioncard.till.categories'
const KNOWN_MAX = 50

function known(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PLACE) ?? '[]')
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string').slice(0, KNOWN_MAX) : []
  } catch {
    return []
  }
}

/** Keeps the categories typed at this till, the latest first, to be offered next time. */
export function keepCategories(categories: (string | null | undefined)[]): void {
  const typed = categories.filter((one): one is string => Boolean(one))
  try {
    const kept = [...new Set([...typed, ...known()])].slice(0, KNOWN_MAX)
    localStorage.setItem(PLACE, JSON.stringify(kept))
  } catch {
    // Without storage they are typed again.
  }
}

export function LinesEditor({ lines, wrong, onChange }: Props) {
  const { t } = useWords()
  const [categories] = useState(known)
  const list = useRef<HTMLDivElement>(null)
  const count = useRef(lines.length)
  useEffect(() => {
    if (lines.length > count.current) {
      const rows = list.current?.querySelectorAll('.till-row')
      rows
        ?.item(rows.length - 1)
        .querySelector('input')
        ?.focus()
    }
    count.current = lines.length
  }, [lines.length])
  const set = (place: number, change: Partial<TypedLine>) =>
    onChange(lines.map((line, at) => (at === place ? { ...line, ...change } : line)))

  function keys(event: KeyboardEvent, place: number) {
    const line = lines[place]
    if (event.key !== 'Enter' || !line || line.amount.trim() === '' || place < lines.length - 1) return
    event.preventDefault()
    onChange([...lines, EMPTY_LINE])
  }

  return (
    <Stack gap="xs" ref={list} role="group" aria-label={t('lines.title')}>
      {lines.map((line, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place
        <div key={place} className="till-row" data-testid="line">
          <Autocomplete
            aria-label={t('lines.category', { place: place + 1 })}
            placeholder={t('lines.categoryHint')}
            data={categories}
            maxLength={64}
            data-testid="line-category"
            value={line.category}
            onChange={(category) => set(place, { category })}
          />
          <TextInput
            aria-label={t('lines.quantity', { place: place + 1 })}
            placeholder={t('lines.quantityHint')}
            inputMode="decimal"
            autoComplete="off"
            data-testid="line-quantity"
            value={line.quantity}
            onChange={(event) => set(place, { quantity: event.currentTarget.value })}
          />
          <TextInput
            aria-label={t('lines.amount', { place: place + 1 })}
            placeholder="0,00"
            inputMode="decimal"
            autoComplete="off"
            data-testid="line-amount"
            value={line.amount}
            error={wrong.includes(place)}
            onKeyDown={(event) => keys(event, place)}
            onChange={(event) => set(place, { amount: event.currentTarget.value })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            aria-label={t('lines.remove', { place: place + 1 })}
            onClick={() => onChange(lines.filter((_, at) => at !== place))}
          >
            <IconX size={18} />
          </ActionIcon>
        </div>
      ))}
      {wrong.length > 0 ? (
        <Text size="sm" c="red" role="alert">
          {t('lines.wrong')}
        </Text>
      ) : null}
      <Group>
        <Button
          variant="subtle"
          size="xs"
          leftSection={<IconPlus size={16} />}
          data-testid="line-add"
          onClick={() => onChange([...lines, EMPTY_LINE])}
        >
          {t('lines.add')}
        </Button>
      </Group>
    </Stack>
  )
}
