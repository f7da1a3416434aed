/** An app's name, addresses and scopes: at registering, and when it is changed. */
import { Button, Checkbox, Group, Stack, Switch, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem, type Problem } from '../../api/problem'
import type { WalletApp } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { SCOPE_WORDS, type ScopeName } from '../../ui/scopes'
import { ProblemNote } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { MAY } from '../sections'

const ALL = Object.keys(SCOPE_WORDS) as ScopeName[]

interface Typed {
  name: string
  uris: string
  scopes: string[]
  public: boolean
}

const EMPTY: Typed = { name: '', uris: '', scopes: ['card'], public: false }

/** Addresses as they are typed, a line each. */
function linesOf(uris: string): string[] {
  return uris
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

/** What is wrong with the addresses: one of them is named by its line. */
function addressProblem(problem: Problem | undefined, { t }: Words): string | undefined {
  const found = problem?.errors.find(({ pointer }) => pointer.startsWith('#/redirect_uris'))
  if (!found) return undefined
  const place = /\/(\d+)$/.exec(found.pointer)?.[1]
  return place ? t('wallets.uriLine', { line: Number(place) + 1, detail: found.detail }) : found.detail
}

interface FieldsProps {
  typed: Typed
  onType: (typed: Typed) => void
  problem: Problem | undefined
  /** Whether it is being registered: later its kind stays. */
  fresh?: boolean
}

function Fields({ typed, onType, problem, fresh = false }: FieldsProps) {
  const words = useWords()
  const { t } = words
  const addresses = addressProblem(problem, words)
  const scopes = problem?.errors.find(({ pointer }) => pointer.startsWith('#/scopes'))?.detail
  return (
    <>
      {problem && !problem.field('name') && !addresses && !scopes ? (
        <ProblemNote error={problem} allowed={MAY.keepWallets} />
      ) : null}
      <TextInput
        label={t('wallets.name')}
        description={t('wallets.nameHint')}
        maxLength={64}
        value={typed.name}
        error={problem?.field('name')}
        onChange={(event) => onType({ ...typed, name: event.currentTarget.value })}
        data-testid="app-name"
      />
      {fresh ? (
        <Switch
          label={t('wallets.public')}
          description={t('wallets.publicHint')}
          checked={typed.public}
          onChange={(event) => onType({ ...typed, public: event.currentTarget.checked })}
          data-testid="app-public"
        />
      ) : null}
      <Textarea
        label={t('wallets.uris')}
        description={t(typed.public ? 'wallets.urisPublicHint' : 'wallets.urisHint')}
        autosize
        minRows={2}
        spellCheck={false}
        value={typed.uris}
        error={addresses}
        onChange={(event) => onType({ ...typed, uris: event.currentTarget.value })}
        data-testid="app-uris"
      />
      <Checkbox.Group
        label={t('wallets.scopes')}
        description={fresh ? undefined : t('wallets.lessHint')}
        value={typed.scopes}
        error={scopes}
        onChange={(chosen) => onType({ ...typed, scopes: chosen })}
      >
        <Stack gap="xs" mt="xs">
          {ALL.map((scope) => (
            <Checkbox
              key={scope}
              value={scope}
              label={t(`walletScope.${SCOPE_WORDS[scope]}`)}
              description={t(`walletScope.${SCOPE_WORDS[scope]}Hint`)}
              data-testid={`app-scope-${SCOPE_WORDS[scope]}`}
            />
          ))}
        </Stack>
      </Checkbox.Group>
    </>
  )
}

export function RegisterForm({ onMade }: { onMade: (app: WalletApp) => void }) {
  const { t } = useWords()
  const queries = useQueryClient()
  const [typed, setTyped] = useState(EMPTY)
  const making = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/wallet-apps', {
          body: {
            name: typed.name.trim(),
            redirect_uris: linesOf(typed.uris),
            scopes: typed.scopes,
            public: typed.public,
          },
        }),
      ),
    onSuccess: async (made) => {
      onMade(made)
      await queries.invalidateQueries({ queryKey: ['wallet-apps'] })
    },
  })
  function submit(event: FormEvent) {
    event.preventDefault()
    if (!making.isPending) making.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Fields
          fresh
          typed={typed}
          onType={setTyped}
          problem={making.error ? asProblem(making.error) : undefined}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={making.isPending} data-testid="app-create">
            {t('wallets.create')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

export function ChangeForm({ app, onDone }: { app: WalletApp; onDone: () => void }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [typed, setTyped] = useState<Typed>({
    name: app.name,
    uris: app.redirect_uris.join('\n'),
    scopes: app.scopes,
    public: app.public,
  })
  const saving = useMutation({
    mutationFn: () =>
      ask(
        api.PATCH('/v1/wallet-apps/{id}', {
          params: { path: { id: app.id } },
          body: { name: typed.name.trim(), redirect_uris: linesOf(typed.uris), scopes: typed.scopes },
        }),
      ),
    onSuccess: async () => {
      say(t('wallets.saved'))
      await queries.invalidateQueries({ queryKey: ['wallet-apps'] })
      onDone()
    },
  })
  function submit(event: FormEvent) {
    event.preventDefault()
    if (!saving.isPending) saving.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Fields
          typed={typed}
          onType={setTyped}
          problem={saving.error ? asProblem(saving.error) : undefined}
        />
        <CancelOr onCancel={onDone} type="submit" loading={saving.isPending} data-testid="app-save">
          {t('wallets.save')}
        </CancelOr>
      </Stack>
    </form>
  )
}
