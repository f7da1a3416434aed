/** Where a member allows another's wallet to show their card, or refuses: who asks, for what, and who is asked. */
import { Alert, Anchor, Button, List, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconCheck, IconCreditCard, IconInfoCircle, IconQrcode, IconWallet } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { api, ask } from '../api/client'
import { asProblem, Problem, problemOf } from '../api/problem'
import { sessionFetch } from '../api/session'
import type { Consent } from '../api/types'
import { SignIn } from '../member/SignIn'
import { Entrance } from '../ui/Entrance'
import { scopeWords } from '../ui/scopes'
import { useSession } from '../ui/session'
import { Loading, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

/** What the app asked, as it stands in the page's own address. */
const asked = location.search.slice(1)

async function load(): Promise<Consent> {
  const request = new Request(`/v1/oauth/consent?${asked}`)
  const answer = await sessionFetch(request).catch(() => {
    throw new Problem(0, {})
  })
  const body: unknown = await answer.json().catch(() => undefined)
  if (!answer.ok || !body) throw problemOf(answer, body)
  return body as Consent
}

export function ConsentEntry() {
  const { t } = useWords()
  const query = useQuery({ queryKey: ['consent'], queryFn: load, staleTime: Number.POSITIVE_INFINITY })
  if (query.data) return <Known consent={query.data} />
  return (
    <Entrance title={t('consent.title')} hint={query.error ? t('consent.wrong') : ''}>
      {query.error ? (
        <ProblemNote
          error={query.error}
          onRetry={asProblem(query.error).status === 400 ? undefined : () => void query.refetch()}
        />
      ) : (
        <Loading />
      )}
    </Entrance>
  )
}

function Known({ consent }: { consent: Consent }) {
  const { t } = useWords()
  const { signedIn } = useSession()
  const title = t('consent.asks', { app: consent.app })
  if (signedIn) return <Decision consent={consent} title={title} />
  return (
    <SignIn
      title={title}
      hint={t('consent.signIn')}
      below={
        <Anchor href={consent.refused} size="sm" mt="md" display="block" data-testid="refuse">
          {t('consent.back')}
        </Anchor>
      }
    />
  )
}

function Decision({ consent, title }: { consent: Consent; title: string }) {
  const { t } = useWords()
  const allowing = useMutation({
    mutationFn: () => ask(api.POST('/v1/oauth/authorize', { body: { query: asked } })),
    // The code lives a minute: it goes where it belongs at once, and this page isn't come back to.
    onSuccess: ({ redirect_to }) => location.replace(redirect_to),
  })
  const leaving = allowing.isPending || allowing.isSuccess
  return (
    <Entrance title={title} hint={t('consent.hint')}>
      <Stack>
        <Who />
        <List spacing="sm" center data-testid="consent-scopes">
          {consent.scopes.map((scope) => (
            <Wanted key={scope} scope={scope} />
          ))}
        </List>
        <Alert color="gray" icon={<IconInfoCircle size={20} />}>
          {t('consent.never')}
        </Alert>
        {allowing.error ? <ProblemNote error={allowing.error} /> : null}
        <Button
          size="md"
          leftSection={<IconCheck size={18} />}
          loading={leaving}
          data-testid="allow"
          onClick={() => allowing.mutate()}
        >
          {t('consent.allow')}
        </Button>
        <Button
          size="md"
          variant="default"
          component="a"
          href={consent.refused}
          aria-disabled={leaving}
          data-testid="refuse"
        >
          {t('consent.refuse')}
        </Button>
      </Stack>
    </Entrance>
  )
}

/** Whose card it is about, and the way to another's. */
function Who() {
  const { t } = useWords()
  const { signOut } = useSession()
  const me = useQuery({ queryKey: ['me'], queryFn: () => ask(api.GET('/v1/me')) })
  if (me.error) return <ProblemNote error={me.error} onRetry={() => void me.refetch()} />
  const name = me.data
    ? [me.data.last_name, me.data.first_name, me.data.middle_name].filter(Boolean).join(' ')
    : '…'
  return (
    <Text size="sm" c="dimmed">
      {t('consent.who', { name })}{' '}
      <Anchor component="button" type="button" inherit onClick={() => void signOut()}>
        {t('consent.notMe')}
      </Anchor>
    </Text>
  )
}

const ICONS: Record<string, ReactNode> = {
  card: <IconCreditCard size={18} />,
  'card:code': <IconQrcode size={18} />,
  balance: <IconWallet size={18} />,
}

function Wanted({ scope }: { scope: string }) {
  const { t } = useWords()
  const icon = ICONS[scope]
  if (!icon) return <List.Item>{scope}</List.Item>
  const words = scopeWords(scope)
  return (
    <List.Item
      icon={
        <ThemeIcon variant="light" size={32} radius="xl">
          {icon}
        </ThemeIcon>
      }
    >
      <Text fw={500}>{t(`scope.${words}`)}</Text>
      <Text size="sm" c="dimmed">
        {t(`scope.${words}Hint`)}
      </Text>
    </List.Item>
  )
}
