/** Moving a member to another organisation, letting them go, or joining two records of one person; each says what it does before it does it. */
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { MemberRecord } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { isoDay } from '../../ui/moment'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { MAY } from '../sections'
import { useMay } from '../staff'
import { MergeMember } from './MergeMember'
import { OrganisationPicker } from './OrganisationPicker'
import { fullName } from './people'

type Deed = 'transfer' | 'leave' | 'merge'

export function MemberActions({ member }: { member: MemberRecord }) {
  const { t } = useWords()
  const [deed, setDeed] = useState<Deed>()
  const may = useMay(MAY.move) && member.status !== 'left'
  const mayMerge = useMay(MAY.merge) && !member.merged_into
  if (!may && !mayMerge) return null
  const close = () => setDeed(undefined)
  return (
    <Group gap="xs">
      {may ? (
        <Button size="xs" variant="default" data-testid="transfer" onClick={() => setDeed('transfer')}>
          {t('transfer.open')}
        </Button>
      ) : null}
      {mayMerge ? (
        <Button size="xs" variant="default" data-testid="merge" onClick={() => setDeed('merge')}>
          {t('merge.open')}
        </Button>
      ) : null}
      {may ? (
        <Button size="xs" variant="subtle" color="red" data-testid="leave" onClick={() => setDeed('leave')}>
          {t('leave.open')}
        </Button>
      ) : null}
      <Modal
        opened={deed !== undefined}
        onClose={close}
        title={deed ? t(`${deed}.title`, { name: fullName(member) }) : ''}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        {deed === 'transfer' ? <Transfer member={member} onDone={close} /> : null}
        {deed === 'leave' ? <Leave member={member} onDone={close} /> : null}
        {deed === 'merge' ? <MergeMember member={member} onDone={close} /> : null}
      </Modal>
    </Group>
  )
}

function useDone(member: string, said: string, onDone: () => void) {
  const say = useAnnounce()
  const queries = useQueryClient()
  return async () => {
    say(said)
    onDone()
    await queries.invalidateQueries({ queryKey: ['member', member] })
    await queries.invalidateQueries({ queryKey: ['members'] })
  }
}

function Transfer({ member, onDone }: { member: MemberRecord; onDone: () => void }) {
  const { t } = useWords()
  const [organisation, setOrganisation] = useState<string | null>(null)
  const [on, setOn] = useState(() => isoDay(new Date()))
  const done = useDone(member.id, t('transfer.done'), onDone)
  const moving = useMutation({
    mutationFn: (to: string) =>
      ask(
        api.POST('/v1/members/{id}/transfer', {
          params: { path: { id: member.id } },
          body: { organisation: to, on },
        }),
      ),
    onSuccess: done,
  })
  const problem = moving.error ? asProblem(moving.error) : undefined
  const atField = problem?.field('organisation') ?? problem?.field('on')
  return (
    <Stack>
      <Text size="sm">{t('transfer.text', { from: member.organisation.name })}</Text>
      <OrganisationPicker
        label={t('transfer.to')}
        value={organisation}
        onChange={setOrganisation}
        error={problem?.field('organisation')}
      />
      <DayField label={t('transfer.on')} value={on} onChange={setOn} error={problem?.field('on')} />
      {problem && !atField ? <ProblemNote error={problem} allowed={MAY.move} /> : null}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          {t('cancel')}
        </Button>
        <Button
          disabled={!organisation}
          loading={moving.isPending}
          onClick={() => (organisation ? moving.mutate(organisation) : undefined)}
        >
          {t('transfer.do')}
        </Button>
      </Group>
    </Stack>
  )
}

function Leave({ member, onDone }: { member: MemberRecord; onDone: () => void }) {
  const { t } = useWords()
  const [on, setOn] = useState(() => isoDay(new Date()))
  const [reason, setReason] = useState('')
  const done = useDone(member.id, t('leave.done'), onDone)
  const leaving = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/members/{id}/leave', {
          params: { path: { id: member.id } },
          body: { on, reason: reason.trim() },
        }),
      ),
    onSuccess: done,
  })
  const problem = leaving.error ? asProblem(leaving.error) : undefined
  const atField = problem?.field('reason') ?? problem?.field('on')
  return (
    <Stack>
      <Text size="sm">{t('leave.text')}</Text>
      <DayField label={t('leave.on')} value={on} onChange={setOn} error={problem?.field('on')} />
      <TextInput
        label={t('leave.reason')}
        maxLength={200}
        value={reason}
        error={problem?.field('reason')}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {problem && !atField ? <ProblemNote error={problem} allowed={MAY.move} /> : null}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          {t('cancel')}
        </Button>
        <Button
          color="red"
          disabled={reason.trim() === ''}
          loading={leaving.isPending}
          onClick={() => leaving.mutate()}
        >
          {t('leave.do')}
        </Button>
      </Group>
    </Stack>
  )
}

interface DayProps {
  label: string
  value: string
  onChange: (day: string) => void
  error: string | undefined
}

function DayField({ label, value, onChange, error }: DayProps) {
  return (
    <TextInput
      type="date"
      label={label}
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
