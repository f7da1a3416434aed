/** One organisation: what it is, and its statistics on any day. */
import { Divider, Progress, Stack, TextInput, Title } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import type { Organisation, Statistics } from '../../api/types'
import { isoDay } from '../../ui/moment'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'

export function OrganisationRecord({ organisation }: { organisation: Organisation }) {
  const { t } = useWords()
  const [on, setOn] = useState(() => isoDay(new Date()))
  const statistics = useQuery({
    queryKey: ['statistics', organisation.code, on],
    enabled: on !== '',
    placeholderData: keepPreviousData,
    queryFn: () =>
      ask(
        api.GET('/v1/organisations/{code}/statistics', {
          params: { path: { code: organisation.code }, query: { on } },
        }),
      ),
  })
  return (
    <Stack gap="md" data-testid="organisation-record">
      <Facts
        rows={[
          [t('organisations.code'), organisation.code],
          [t('organisations.kind'), t(`organisationKind.${organisation.kind}`)],
          [t('organisations.inn'), organisation.inn],
          [t('organisations.region'), organisation.region_code],
        ]}
      />
      <Divider />
      <TextInput
        type="date"
        label={t('statistics.on')}
        value={on}
        onChange={(event) => setOn(event.currentTarget.value)}
      />
      <Loaded query={statistics}>{(data) => <Numbers statistics={data} />}</Loaded>
    </Stack>
  )
}

const CATEGORIES = ['worker', 'student', 'pensioner', 'unspecified'] as const
const COLORS = { worker: 'ink.7', student: 'ink.5', pensioner: 'ink.3', unspecified: 'gray.4' }

function Numbers({ statistics }: { statistics: Statistics }) {
  const { t, count } = useWords()
  const { members, organisations } = statistics
  const { total } = members
  return (
    <Stack gap="sm">
      <Title order={3} size="h6">
        {t('statistics.members', { members: count(total) })}
      </Title>
      {total > 0 ? (
        <Progress.Root size={14} aria-hidden>
          {CATEGORIES.map((category) => (
            <Progress.Section
              key={category}
              value={(members[category] / total) * 100}
              color={COLORS[category]}
            />
          ))}
        </Progress.Root>
      ) : null}
      <Facts rows={CATEGORIES.map((category) => [t(`category.${category}`), count(members[category])])} />
      <Title order={3} size="h6" mt="xs">
        {t('statistics.organisations')}
      </Title>
      <Facts
        rows={Object.entries(organisations)
          .filter(([, number]) => number > 0)
          .map(([kind, number]) => [t(`organisationKind.${kind}`, { defaultValue: kind }), count(number)])}
      />
    </Stack>
  )
}
