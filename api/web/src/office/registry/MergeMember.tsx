/** Merging two records of one person: first what will happen, then the button. */
import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { MemberRecord, Merge } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { isZero } from '../../ui/money'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { MAY } from '../sections'
import { cardNumber } from './people'

class NotFound extends Error {}

async function look(member: string, number: string): Promise<Merge> {
  const found = await ask(api.GET('/v1/members', { params: { query: { query: number, limit: 2 } } }))
  const into = found.items.find((item) => item.membership_number === number)?.id
  if (!into) throw new NotFound()
  return ask(
    api.POST('/v1/members/{id}/merge', { params: { path: { id: member } }, body: { into, dry: true } }),
  )
}

export function MergeMember({ member, onDone }: { member: MemberRecord; onDone: () => void }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [, go] = useLocation()
  const [number, setNumber] = useState('')
  const looking = useMutation({ mutationFn: (asked: string) => look(member.id, asked) })
  const merging = useMutation({
    mutationFn: (into: string) =>
      ask(
        api.POST('/v1/members/{id}/merge', {
          params: { path: { id: member.id } },
          body: { into, dry: false },
        }),
      ),
    onSuccess: async (done) => {
      say(t('merge.done'))
      onDone()
      go(`/members/${done.into.id}`)
      await queries.invalidateQueries()
    },
  })
  const lost = looking.error instanceof NotFound
  const error = merging.error ?? (lost ? null : looking.error)
  const problem = error ? asProblem(error) : undefined
  const told = looking.data
  function submit(event: FormEvent) {
    event.preventDefault()
    if (number.trim() !== '') looking.mutate(number.trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{t('merge.text')}</Text>
        <TextInput
          label={t('merge.into')}
          autoComplete="off"
          data-autofocus
          data-testid="merge-into"
          value={number}
          error={lost ? t('merge.notFound') : problem?.field('into')}
          onChange={(event) => {
            setNumber(event.currentTarget.value)
            looking.reset()
            merging.reset()
          }}
        />
        {problem && !problem.field('into') ? <ProblemNote error={problem} allowed={MAY.merge} /> : null}
        {told ? <Statement told={told} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            {t('cancel')}
          </Button>
          {told ? (
            <Button
              color="red"
              loading={merging.isPending}
              data-testid="merge-confirm"
              onClick={() => merging.mutate(told.into.id)}
            >
              {t('merge.do')}
            </Button>
          ) : (
            <Button
              type="submit"
              disabled={number.trim() === ''}
              loading={looking.isPending}
              data-testid="merge-look"
            >
              {t('merge.look')}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  )
}

function Statement({ told }: { told: Merge }) {
  const { t, rubles, count } = useWords()
  const balances = (of: Merge['moved']) =>
    (['available', 'pending', 'reserved', 'debt'] as const)
      .filter((kind) => !isZero(of[kind]))
      .map((kind) => `${t(`balanceName.${kind}`)} ${rubles(of[kind])}`)
      .join(' · ') || rubles('0.00')
  const cards = told.cards_blocked.map((card) => cardNumber(card.number)).join(', ')
  return (
    <Alert color="amber" title={t('merge.irreversible')} data-testid="merge-statement">
      <Facts
        rows={[
          [t('merge.stays'), `${told.into.name}, № ${told.into.membership_number}`],
          [t('merge.ends'), `${told.from.name}, № ${told.from.membership_number}`],
          [t('merge.moved'), balances(told.moved)],
          [t('merge.after'), balances(told.after)],
          [t('merge.debtPaid'), isZero(told.debt_paid) ? null : rubles(told.debt_paid)],
          [t('merge.lots'), count(told.lots)],
          [t('merge.purchases'), count(told.purchases)],
          [t('merge.standing'), t(`memberStanding.${told.standing ?? 'none'}`)],
          [t('merge.kept'), cardNumber(told.card_kept.number)],
          [t('merge.blocked'), cards || t('merge.noCards')],
        ]}
      />
    </Alert>
  )
}
