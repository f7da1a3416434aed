/** Sign-in of the union's and partners' people, by e-mail and password. */
import { Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import { Entrance } from './Entrance'
import { useSession } from './session'
import { ProblemNote } from './states'
import { useWords } from './words'

export function StaffSignIn({ title, hint }: { title: string; hint: string }) {
  const { t } = useWords()
  const { begin } = useSession()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const entry = useMutation({
    mutationFn: () =>
      ask(api.POST('/v1/auth/login', { body: { email: email.trim(), password, cookie: true } })),
    onSuccess: begin,
  })
  const problem = entry.error ? asProblem(entry.error) : undefined

  function submit(event: FormEvent) {
    event.preventDefault()
    if (!entry.isPending) entry.mutate()
  }

  return (
    <Entrance title={title} hint={hint}>
      <form onSubmit={submit}>
        <Stack>
          {problem && problem.errors.length === 0 ? <ProblemNote error={problem} /> : null}
          <TextInput
            label={t('signin.email')}
            type="email"
            name="email"
            autoComplete="username"
            required
            withAsterisk={false}
            autoFocus
            data-testid="email"
            value={email}
            error={problem?.field('email')}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <PasswordInput
            label={t('signin.password')}
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            data-testid="password"
            value={password}
            error={problem?.field('password')}
            visibilityToggleButtonProps={{ 'aria-label': t('signin.showPassword') }}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" size="md" loading={entry.isPending} data-testid="sign-in">
            {t('signin.enter')}
          </Button>
        </Stack>
      </form>
    </Entrance>
  )
}
