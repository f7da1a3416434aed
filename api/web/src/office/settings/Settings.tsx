/** The union's settings, a card a matter; an administrator changes them, the programme's people read them. */
import { Button, Card, Group, Stack, Switch, TagsInput, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { Settings as All } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED, MAY } from '../sections'
import { useMay } from '../staff'

type Programme = All['programme']

/** Excluded whatever else is set: the server refuses to let them go. */
const ALWAYS = ['nicotine', 'tobacco']

export default function Settings() {
  return (
    <Guarded section="settings">
      <Page />
    </Guarded>
  )
}

function Page() {
  const { t } = useWords()
  const settings = useQuery({ queryKey: ['settings'], queryFn: () => ask(api.GET('/v1/settings')) })
  return (
    <>
      <PageHead title={t('nav.settings')} hint={t('settings.hint')} />
      <Loaded query={settings} allowed={ALLOWED.settings}>
        {({ programme }) => <ProgrammeCard key={JSON.stringify(programme)} programme={programme} />}
      </Loaded>
    </>
  )
}

function ProgrammeCard({ programme }: { programme: Programme }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const may = useMay(MAY.changeSettings)
  const [categories, setCategories] = useState(programme.excluded_categories)
  const [bare, setBare] = useState(programme.bare_number_may_redeem)
  const saving = useMutation({
    mutationFn: () =>
      ask(
        api.PATCH('/v1/settings', {
          body: { programme: { excluded_categories: categories, bare_number_may_redeem: bare } },
        }),
      ),
    onSuccess: (settings) => {
      say(t('settings.saved'))
      queries.setQueryData(['settings'], settings)
    },
  })
  const problem = saving.error ? asProblem(saving.error) : undefined
  const wrongCategories = problem?.errors.find(({ pointer }) =>
    pointer.includes('excluded_categories'),
  )?.detail
  const changed =
    bare !== programme.bare_number_may_redeem ||
    categories.join('\n') !== programme.excluded_categories.join('\n')
  return (
    <Card withBorder maw={640} component="section" aria-labelledby="programme">
      <Stack>
        <Title order={2} size="h4" id="programme">
          {t('settings.programme')}
        </Title>
        <Text size="sm">{t('settings.zone', { zone: programme.zone })}</Text>
        <TagsInput
          label={t('settings.excluded')}
          description={t('settings.excludedHint')}
          value={categories}
          onChange={(chosen) => setCategories([...new Set([...chosen, ...ALWAYS])].sort())}
          readOnly={!may}
          error={wrongCategories}
          data-testid="excluded-categories"
        />
        <Switch
          label={t('settings.bare')}
          description={t('settings.bareHint')}
          checked={bare}
          onChange={(event) => setBare(event.currentTarget.checked)}
          disabled={!may}
          data-testid="bare-number"
        />
        {problem && !wrongCategories ? <ProblemNote error={problem} allowed={MAY.changeSettings} /> : null}
        {may ? (
          <Group justify="flex-end">
            <Button
              disabled={!changed}
              loading={saving.isPending}
              onClick={() => saving.mutate()}
              data-testid="save-settings"
            >
              {t('settings.save')}
            </Button>
          </Group>
        ) : (
          <Text size="sm" c="dimmed">
            {t('settings.readOnly')}
          </Text>
        )}
      </Stack>
    </Card>
  )
}
