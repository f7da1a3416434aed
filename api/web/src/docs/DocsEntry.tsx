/** The reference of the API, drawn from the server's own OpenAPI document. */
import { Accordion, Anchor, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useEffect, useMemo, useState } from 'react'
import { Problem, problemOf } from '../api/problem'
import { LanguageSwitch, ThemeSwitch } from '../ui/Preferences'
import { Empty, Loaded } from '../ui/states'
import { useWords } from '../ui/words'
import { type ApiDocument, found, groupsOf, type Group as Routes } from './document'
import { RouteItem } from './RouteItem'

async function load(): Promise<ApiDocument> {
  const answer = await fetch('/openapi.json').catch(() => {
    throw new Problem(0, {})
  })
  const body: unknown = await answer.json().catch(() => undefined)
  if (!answer.ok || !body) throw problemOf(answer, body)
  return body as ApiDocument
}

export function DocsEntry() {
  const query = useQuery({ queryKey: ['openapi'], queryFn: load, staleTime: Number.POSITIVE_INFINITY })
  return (
    <main className="docs">
      <Loaded query={query}>{(document) => <Reference document={document} />}</Loaded>
    </main>
  )
}

function Reference({ document: api }: { document: ApiDocument }) {
  const { t, count } = useWords()
  const [query, setQuery] = useState('')
  const asked = useDeferredValue(query)
  const groups = useMemo(() => groupsOf(api), [api])
  const shown = useMemo(() => found(groups, asked), [groups, asked])
  const number = shown.reduce((sum, { routes }) => sum + routes.length, 0)
  return (
    <>
      <header className="docs-head">
        <Group justify="space-between" gap="sm">
          <Title order={1} size="h2">
            {t('title')}
          </Title>
          <Group gap="sm">
            <LanguageSwitch size="xs" />
            <ThemeSwitch size="xs" />
          </Group>
        </Group>
        <Text lang="en" maw={760}>
          {api.info.description}
        </Text>
        <Access />
        <Group gap="md" align="center">
          <TextInput
            className="docs-search"
            aria-label={t('search')}
            placeholder={t('search')}
            leftSection={<IconSearch size={18} aria-hidden />}
            value={query}
            data-testid="docs-search"
            onChange={(event) => setQuery(event.currentTarget.value)}
          />
          <Text size="sm" c="dimmed" role="status">
            {t('shown', { count: number, number: count(number) })}
          </Text>
        </Group>
      </header>
      <div className="docs-body">
        <Contents groups={shown} />
        <Stack gap="xl" miw={0}>
          {shown.length ? <Groups groups={shown} document={api} /> : <Empty title={t('nothing')} />}
        </Stack>
      </div>
    </>
  )
}

function Access() {
  const { t } = useWords()
  return (
    <Stack gap={2} maw={760}>
      <Text size="sm">{t('access.partner')}</Text>
      <Text size="sm">{t('access.people')}</Text>
      <Text size="sm">{t('access.wallet')}</Text>
      <Text size="sm">
        <Anchor href="/openapi.json" underline="always" inherit>
          openapi.json
        </Anchor>{' '}
        {t('access.document')}
      </Text>
    </Stack>
  )
}

function Contents({ groups }: { groups: Routes[] }) {
  const { t, exists } = useWords()
  return (
    <nav className="docs-contents" aria-label={t('contents')}>
      {groups.map(({ tag, routes }) => (
        <Anchor key={tag} href={`#tag-${tag}`} size="sm">
          {exists(`tag.${tag}`) ? t(`tag.${tag}`) : tag} <span className="field-type">{routes.length}</span>
        </Anchor>
      ))}
    </nav>
  )
}

function Groups({ groups, document: api }: { groups: Routes[]; document: ApiDocument }) {
  const { t, exists } = useWords()
  const [opened, setOpened] = useState<string[]>(() => [location.hash.slice(1)].filter(Boolean))
  useEffect(() => {
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView()
  }, [])
  function open(values: string[]) {
    const added = values.find((value) => !opened.includes(value))
    if (added) history.replaceState(null, '', `#${added}`)
    setOpened(values)
  }
  return groups.map(({ tag, routes }) => (
    <section key={tag} aria-labelledby={`tag-${tag}`}>
      <Title order={2} size="h4" id={`tag-${tag}`} mb="xs">
        {exists(`tag.${tag}`) ? t(`tag.${tag}`) : tag}
      </Title>
      <Accordion multiple variant="contained" order={3} value={opened} onChange={open}>
        {routes.map((route) => (
          <RouteItem
            key={route.operationId}
            route={route}
            document={api}
            opened={opened.includes(route.operationId)}
          />
        ))}
      </Accordion>
    </section>
  ))
}
