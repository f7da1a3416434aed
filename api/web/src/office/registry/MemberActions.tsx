/** What becomes of a membership: moved, suspended, restored, ended, taken back, or two records joined; each says what it does before it does it. */
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { MemberRecord } from '../../api/types'
import { useAnnounce } from '../../ui/Announcer'
import { CancelOr } from '../../ui/CancelOr'
import { isoDay } from '../../ui/moment'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { MAY } from '../sections'
import { useMay } from '../staff'
import { MergeMember } from './MergeMember'
import { OrganisationPicker } from './OrganisationPicker'
import { fullName } from './people'

type Deed = 'transfer' | 'suspend' | 'resume' | 'leave' | 'readmit' | 'merge'

/** What can be done with whom; the last of each ends something. */
const DEEDS: Record<string, Deed[]> = {
  active: ['transfer', 'suspend', 'leave'],
  suspended: ['transfer', 'resume', 'leave'],
  left: ['readmit'],
}

export function MemberActions({ member }: { member: MemberRecord }) {
  const { t } = useWords()
  const [deed, setDeed] = useState<Deed>()
  const may = useMay(MAY.move) && !member.merged_into
  const mayMerge = useMay(MAY.merge) && !member.merged_into
  if (!may && !mayMerge) return null
  const deeds = may ? (DEEDS[member.status] ?? []) : []
  const close = () => setDeed(undefined)
  return (
    <Group gap="xs">
      {deeds
        .filter((one) => one !== 'leave')
        .map((one) => (
          <Button key={one} size="xs" variant="default" data-testid={one} onClick={() => setDeed(one)}>
            {t(`${one}.open`)}
          </Button>
        ))}
      {mayMerge ? (
        <Button size="xs" variant="default" data-testid="merge" onClick={() => setDeed('merge')}>
          {t('merge.open')}
        </Button>
      ) : null}
      {deeds.includes('leave') ? (
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
        {deed === 'transfer' || deed === 'readmit' ? (
          <Move member={member} deed={deed} onDone={close} />
        ) : null}
        {deed === 'suspend' || deed === 'resume' || deed === 'leave' ? (
          <Standing member={member} deed={deed} onDone={close} />
        ) : null}
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

interface DeedProps<D extends Deed> {
  member: MemberRecord
  deed: D
  onDone: () => void
}

/** Into an organisation from a day on: from another one, or from outside the union. */
function Move({ member, deed, onDone }: DeedProps<'transfer' | 'readmit'>) {
  const { t } = useWords()
  const [organisation, setOrganisation] = useState<string | null>(null)
  const [on, setOn] = useState(() => isoDay(new Date()))
  const [reason, setReason] = useState('')
  const done = useDone(member.id, t(`${deed}.done`), onDone)
  const moving = useMutation({
    mutationFn: (organisation: string) => {
      const params = { path: { id: member.id } }
      return deed === 'transfer'
        ? ask(api.POST('/v1/members/{id}/transfer', { params, body: { organisation, on } }))
        : ask(
            api.POST('/v1/members/{id}/readmit', {
              params,
              body: { organisation, on, reason: reason.trim() },
            }),
          )
    },
    onSuccess: done,
  })
  const problem = moving.error ? asProblem(moving.error) : undefined
  const atField = problem?.field('organisation') ?? problem?.field('on') ?? problem?.field('reason')
  return (
    <Stack>
      <Text size="sm">{t(`${deed}.text`, { from: member.organisation.name })}</Text>
      <OrganisationPicker
        label={t(`${deed}.to`)}
        value={organisation}
        onChange={setOrganisation}
        error={problem?.field('organisation')}
      />
      <DayField label={t(`${deed}.on`)} value={on} onChange={setOn} error={problem?.field('on')} />
      {deed === 'readmit' ? (
        <TextInput
          label={t('readmit.reason')}
          maxLength={200}
          value={reason}
          error={problem?.field('reason')}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-testid="readmit-reason"
        />
      ) : null}
      {problem && !atField ? <ProblemNote error={problem} allowed={MAY.move} /> : null}
      <CancelOr
        onCancel={onDone}
        disabled={!organisation || (deed === 'readmit' && reason.trim() === '')}
        data-testid={`${deed}-confirm`}
        loading={moving.isPending}
        onClick={() => (organisation ? moving.mutate(organisation) : undefined)}
      >
        {t(`${deed}.do`)}
      </CancelOr>
    </Stack>
  )
}

/** Suspended, restored or gone from a day on, for a reason. */
function Standing({ member, deed, onDone }: DeedProps<'suspend' | 'resume' | 'leave'>) {
  const { t } = useWords()
  const [on, setOn] = useState(() => isoDay(new Date()))
  const [reason, setReason] = useState('')
  const done = useDone(member.id, t(`${deed}.done`), onDone)
  const acting = useMutation({
    mutationFn: () =>
      ask(
        api.POST(`/v1/members/{id}/${deed}`, {
          params: { path: { id: member.id } },
          body: { on, reason: reason.trim() },
        }),
      ),
    onSuccess: done,
  })
  const problem = acting.error ? asProblem(acting.error) : undefined
  const atField = problem?.field('reason') ?? problem?.field('on')
  return (
    <Stack>
      <Text size="sm">{t(`${deed}.text`)}</Text>
      <DayField label={t(`${deed}.on`)} value={on} onChange={setOn} error={problem?.field('on')} />
      <TextInput
        label={t(`${deed}.reason`)}
        maxLength={200}
        value={reason}
        error={problem?.field('reason')}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {problem && !atField ? <ProblemNote error={problem} allowed={MAY.move} /> : null}
      <CancelOr
        onCancel={onDone}
        {...(deed === 'leave' ? { color: 'red' } : {})}
        disabled={reason.trim() === ''}
        loading={acting.isPending}
        onClick={() => acting.mutate()}
      >
        {t(`${deed}.do`)}
      </CancelOr>
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
