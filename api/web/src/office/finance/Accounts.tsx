/** A member's account by number: standing, tier, balances; frozen and unfrozen here, corrected from here. */
import {
  Alert,
  Anchor,
  Badge,
  Button,
  Group,
  Modal,
  Paper,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { MemberAccount } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { Empty, Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED, MAY } from '../sections'
import { useMay } from '../staff'
import { ledgerPath } from './accountWords'

const COLOR: Record<string, string> = { enrolled: 'green', frozen: 'red', frozen_left: 'red', left: 'gray' }
const BALANCES = ['available', 'pending', 'reserved', 'debt'] as const

export default function Accounts() {
  return (
    <Guarded section="accounts">
      <Page />
    </Guarded>
  )
}

function Page() {
  const { t } = useWords()
  const [search, setSearch] = useSearchParams()
  const asked = search.get('number') ?? ''
  const [text, setText] = useState(asked)
  const found = useQuery({
    queryKey: ['standing', asked],
    enabled: asked !== '',
    queryFn: async ({ signal }) =>
      (await ask(api.GET('/v1/standings', { params: { query: { number: asked } }, signal }))).items,
  })
  function submit(event: FormEvent) {
    event.preventDefault()
    const number = text.trim()
    setSearch(number ? { number } : {})
  }
  return (
    <>
      <PageHead title={t('accounts.title')} hint={t('accounts.hint')} />
      <form onSubmit={submit}>
        <Group align="flex-end" mb="md">
          <TextInput
            label={t('accounts.number')}
            autoFocus
            autoComplete="off"
            data-testid="account-number"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Button type="submit" data-testid="account-find">
            {t('accounts.find')}
          </Button>
        </Group>
      </form>
      {asked === '' ? (
        <Empty title={t('accounts.prompt')} />
      ) : (
        <Loaded query={found} allowed={ALLOWED.accounts}>
          {([account]) =>
            account ? (
              <Account key={account.member.id} account={account} />
            ) : (
              <Empty title={t('accounts.nobody')}>{t('accounts.nobodyHint')}</Empty>
            )
          }
        </Loaded>
      )}
    </>
  )
}

function Account({ account }: { account: MemberAccount }) {
  const { t, rubles } = useWords()
  const may = useMay(MAY.propose)
  const [, go] = useLocation()
  const standing = account.standing ?? 'none'
  return (
    <Paper className="surface" p="md" maw={720} data-testid="account">
      <Group justify="space-between" align="flex-start" mb="sm">
        <Title order={2} size="h4">
          {account.member.name}
        </Title>
        <Badge color={COLOR[standing] ?? 'gray'} data-testid="account-standing">
          {t(`memberStanding.${standing}`)}
        </Badge>
      </Group>
      <Facts
        rows={[
          [t('accounts.member'), `№ ${account.member.membership_number}`],
          [t('accounts.standing'), t(`memberStatus.${account.member.status}`)],
          [t('accounts.tier'), account.tier],
          ...BALANCES.map((kind): [string, React.ReactNode] => [
            t(`balanceName.${kind}`),
            <Anchor
              key={kind}
              component={Link}
              href={ledgerPath(`${kind}:${account.member.id}`)}
              inherit
              data-testid={`account-${kind}`}
            >
              {rubles(account.balance[kind])}
            </Anchor>,
          ]),
        ]}
      />
      <Frozen account={account} />
      {may && account.standing && account.standing !== 'merged' ? (
        <Group mt="md">
          <FreezeButton account={account} />
          <Button
            size="xs"
            variant="default"
            data-testid="account-adjust"
            onClick={() => go(`/adjustments?member=${encodeURIComponent(account.member.membership_number)}`)}
          >
            {t('accounts.adjust')}
          </Button>
        </Group>
      ) : null}
    </Paper>
  )
}

function Frozen({ account }: { account: MemberAccount }) {
  const { t, dayAndTime } = useWords()
  const { frozen } = account
  if (!frozen) return null
  return (
    <Alert color="amber" mt="md">
      {t('accounts.frozenBy', {
        by: frozen.by.email ?? frozen.by.id,
        at: dayAndTime(frozen.at),
        reason: frozen.reason,
      })}
    </Alert>
  )
}

function FreezeButton({ account }: { account: MemberAccount }) {
  const { t } = useWords()
  const [opened, setOpened] = useState(false)
  const deed = account.frozen ? 'unfreeze' : 'freeze'
  return (
    <>
      <Button
        size="xs"
        variant={account.frozen ? 'default' : 'light'}
        {...(account.frozen ? {} : { color: 'red' })}
        data-testid={deed}
        onClick={() => setOpened(true)}
      >
        {t(`accounts.${deed}`)}
      </Button>
      <Modal
        opened={opened}
        onClose={() => setOpened(false)}
        title={t(`accounts.${deed}`)}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        <FreezeForm account={account} deed={deed} onDone={() => setOpened(false)} />
      </Modal>
    </>
  )
}

interface FreezeProps {
  account: MemberAccount
  deed: 'freeze' | 'unfreeze'
  onDone: () => void
}

function FreezeForm({ account, deed, onDone }: FreezeProps) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  const changing = useMutation({
    mutationFn: () => {
      const asked = { params: { path: { id: account.member.id } }, body: { reason: reason.trim() } }
      return ask(
        deed === 'freeze'
          ? api.POST('/v1/members/{id}/freeze', asked)
          : api.POST('/v1/members/{id}/unfreeze', asked),
      )
    },
    onSuccess: async () => {
      say(t(deed === 'freeze' ? 'accounts.frozenNow' : 'accounts.unfrozenNow'))
      onDone()
      await queries.invalidateQueries({ queryKey: ['standing'] })
    },
  })
  const problem = changing.error ? asProblem(changing.error) : undefined
  return (
    <Stack>
      <Text size="sm">{t(`accounts.${deed}Text`)}</Text>
      <TextInput
        label={t('accounts.reason')}
        maxLength={500}
        data-autofocus
        data-testid="freeze-reason"
        value={reason}
        error={problem?.field('reason')}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {problem && !problem.field('reason') ? <ProblemNote error={problem} allowed={MAY.propose} /> : null}
      <CancelOr
        onCancel={onDone}
        disabled={reason.trim() === ''}
        loading={changing.isPending}
        data-testid="freeze-confirm"
        onClick={() => changing.mutate()}
      >
        {t(`accounts.${deed}`)}
      </CancelOr>
    </Stack>
  )
}
