/** Sign-in of a member: the address, then the code from the mail. */
import { Anchor, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useEffect, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import { Entrance } from '../ui/Entrance'
import { useSession } from '../ui/session'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

const RESEND_S = 30

interface Props {
  /** Other words than the member's page has. */
  title?: string
  hint?: string
  below?: ReactNode
}

export function SignIn({ title, hint, below }: Props) {
  const { t } = useWords()
  const [sentTo, setSentTo] = useState<string>()
  return (
    <Entrance
      title={title ?? t('signin.title')}
      hint={sentTo ? t('signin.sent', { email: sentTo }) : (hint ?? t('signin.hint'))}
    >
      {sentTo ? (
        <CodeForm email={sentTo} onBack={() => setSentTo(undefined)} />
      ) : (
        <EmailForm onSent={setSentTo} />
      )}
      {below}
    </Entrance>
  )
}

function sendCode(email: string) {
  return ask(api.POST('/v1/auth/code', { body: { email } }))
}

function EmailForm({ onSent }: { onSent: (email: string) => void }) {
  const { t } = useWords()
  const [email, setEmail] = useState('')
  const sending = useMutation({ mutationFn: sendCode, onSuccess: (_, to) => onSent(to) })
  const problem = sending.error ? asProblem(sending.error) : undefined

  function submit(event: FormEvent) {
    event.preventDefault()
    if (!sending.isPending) sending.mutate(email.trim())
  }

  return (
    <form onSubmit={submit}>
      <Stack>
        {problem && !problem.field('email') ? <ProblemNote error={problem} /> : null}
        <TextInput
          label={t('signin.email')}
          description={t('signin.emailHint')}
          type="email"
          name="email"
          autoComplete="email"
          size="md"
          required
          withAsterisk={false}
          data-testid="email"
          value={email}
          error={problem?.field('email')}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <Button type="submit" size="md" loading={sending.isPending} data-testid="sign-in">
          {t('signin.send')}
        </Button>
      </Stack>
    </form>
  )
}

function CodeForm({ email, onBack }: { email: string; onBack: () => void }) {
  const { t } = useWords()
  const { begin } = useSession()
  const [code, setCode] = useState('')
  const entry = useMutation({
    mutationFn: () =>
      ask(api.POST('/v1/auth/verify', { body: { email, code: code.replace(/\D/g, ''), cookie: true } })),
    onSuccess: begin,
  })
  const problem = entry.error ? asProblem(entry.error) : undefined
  const atField = problem && !problem.offline && problem.status < 500 && problem.status !== 429
  const refusal = problem?.field('code') ?? (problem?.detail || t('signin.wrong'))

  function submit(event: FormEvent) {
    event.preventDefault()
    if (!entry.isPending) entry.mutate()
  }

  return (
    <form onSubmit={submit}>
      <Stack>
        {problem && !atField ? <ProblemNote error={problem} /> : null}
        <TextInput
          label={t('signin.code')}
          description={t('signin.codeHint')}
          inputMode="numeric"
          autoComplete="one-time-code"
          size="md"
          required
          withAsterisk={false}
          autoFocus
          maxLength={12}
          data-testid="code"
          value={code}
          error={atField ? refusal : undefined}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <Button type="submit" size="md" loading={entry.isPending} data-testid="sign-in">
          {t('signin.enter')}
        </Button>
        <Group justify="space-between" gap="xs">
          <Resend email={email} />
          <Anchor component="button" type="button" size="sm" onClick={onBack}>
            {t('signin.otherEmail')}
          </Anchor>
        </Group>
      </Stack>
    </form>
  )
}

function Resend({ email }: { email: string }) {
  const { t } = useWords()
  const [wait, setWait] = useState(RESEND_S)
  const sending = useMutation({ mutationFn: () => sendCode(email), onSettled: () => setWait(RESEND_S) })
  useEffect(() => {
    if (wait <= 0) return
    const timer = setTimeout(() => setWait(wait - 1), 1_000)
    return () => clearTimeout(timer)
  }, [wait])

  if (sending.error) return <ProblemNote error={sending.error} onRetry={() => sending.mutate()} />
  if (wait > 0) {
    return (
      <Text size="sm" c="dimmed">
        {sending.isSuccess ? t('signin.sentAgain') : t('signin.resendIn', { count: wait })}
      </Text>
    )
  }
  return (
    <Anchor component="button" type="button" size="sm" onClick={() => sending.mutate()}>
      {t('signin.resend')}
    </Anchor>
  )
}
