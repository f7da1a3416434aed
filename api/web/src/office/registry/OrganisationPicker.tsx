/** Chooses an organisation by a part of its name or code. */
import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { useWords } from '../../ui/words'

interface Props {
  label: string
  value: string | null
  onChange: (code: string | null) => void
  error?: string | undefined
  placeholder?: string
}

export function OrganisationPicker({ label, value, onChange, error, placeholder }: Props) {
  const { t } = useWords()
  const [search, setSearch] = useState('')
  const [query] = useDebouncedValue(search.trim(), 250)
  const found = useQuery({
    queryKey: ['organisations', 'search', query],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (
        await ask(
          api.GET('/v1/organisations', {
            params: { query: { limit: 30, ...(query ? { query } : {}) } },
            signal,
          }),
        )
      ).items,
  })
  const options = (found.data ?? []).map(({ code, name }) => ({ value: code, label: `${name} · ${code}` }))
  if (value && !options.some((option) => option.value === value))
    options.push({ value, label: search || value })
  return (
    <Select
      label={label}
      placeholder={placeholder ?? t('picker.placeholder')}
      data={options}
      value={value}
      onChange={onChange}
      searchable
      clearable
      searchValue={search}
      onSearchChange={setSearch}
      filter={({ options: all }) => all}
      nothingFoundMessage={t('picker.nothing')}
      {...(error ? { error } : {})}
    />
  )
}
