/** A rule: its versions, who made them, and what may be done: approve, end, draft the next, try it on the past. */
import { Anchor, Badge, Button, Group, Modal, Paper, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ask } from '../../../api/client'
import type { RuleHistory } from '../../../api/types'
import { useAnnounce } from '../../../ui/Announcer'
import { CancelOr } from '../../../ui/CancelOr'
import { Loaded, ProblemNote } from '../../../ui/states'
import { useWords } from '../../../ui/words'
import { Guarded } from '../../parts/Guarded'
import { PageHead } from '../../parts/PageHead'
import { ALLOWED, MAY } from '../../sections'
import { useMay } from '../../staff'
import { usePartnerNames } from '../partnersQuery'
import { RuleFacts, STATUS_COLOR } from './RuleFacts'
import { ruleQuery } from './ruleQuery'
import { SimulationPanel } from './SimulationPanel'

type Version = RuleHistory['versions'][number]

export default function RulePage({ id }: { id: string }) {
  return (
    <Guarded section="rules">
      <Page id={id} />
    </Guarded>
  )
}

function Page({ id }: { id: string }) {
  const rule = useQuery(ruleQuery(id))
  return (
    <Loaded query={rule} allowed={ALLOWED.rules}>
      {(data) => <History rule={data} />}
    </Loaded>
  )
}

function History({ rule }: { rule: RuleHistory }) {
  const { t, dayAndTime } = useWords()
  const versions = rule.versions.toReversed()
  const latest = versions[0]
  const maySimulate = useMay(MAY.simulateRules)
  if (!latest) return null
  const { version: _version, status: _status, ...rest } = latest
  const { drafted_by: _by, drafted_at: _at, approved_by: _approver, approved_at, ...body } = rest
  const isFirstDraft = versions.length === 1 && !approved_at
  return (
    <>
      <PageHead
        title={latest.name}
        hint={
          <>
            <Badge color={STATUS_COLOR[rule.status] ?? 'gray'} data-testid="rule-status">
              {t(`ruleStatus.${rule.status}`)}
            </Badge>{' '}
            {rule.ended_at
              ? t('ruleHistory.endedBy', { who: rule.ended_by?.email ?? '', at: dayAndTime(rule.ended_at) })
              : null}
          </>
        }
      >
        <Anchor component={Link} href="/rules">
          {t('ruleForm.back')}
        </Anchor>
        <Deeds rule={rule} />
      </PageHead>
      <Stack gap="md">
        {versions.map((version) => (
          <VersionCard key={version.version} rule={rule} version={version} />
        ))}
      </Stack>
      {maySimulate && rule.status !== 'ended' ? (
        <SimulationPanel
          changes={isFirstDraft ? { drafts: [body] } : { replace: [{ id: rule.id, rule: body }] }}
        />
      ) : null}
    </>
  )
}

function VersionCard({ rule, version }: { rule: RuleHistory; version: Version }) {
  const { t, dayAndTime } = useWords()
  const names = usePartnerNames()
  return (
    <Paper className="surface" p="md" data-testid="rule-version">
      <Group justify="space-between" mb="sm">
        <Group gap="xs">
          <Title order={2} size="h5">
            {t('ruleHistory.version', { version: version.version })}
          </Title>
          <Badge color={STATUS_COLOR[version.status] ?? 'gray'}>{t(`ruleStatus.${version.status}`)}</Badge>
        </Group>
        {version.status === 'draft' ? <Approve rule={rule} version={version.version} /> : null}
      </Group>
      <RuleFacts rule={version} partner={names.get(version.partner) ?? version.partner} />
      <Text size="sm" c="dimmed" mt="sm">
        {t('ruleHistory.drafted', {
          who: version.drafted_by?.email ?? t('ruleHistory.somebody'),
          at: dayAndTime(version.drafted_at),
        })}
        {version.approved_at
          ? ` ${t('ruleHistory.approved', {
              who: version.approved_by?.email ?? t('ruleHistory.somebody'),
              at: dayAndTime(version.approved_at),
            })}`
          : ''}
      </Text>
    </Paper>
  )
}

function useChanged(id: string, said: string, after: () => void) {
  const say = useAnnounce()
  const queries = useQueryClient()
  return async () => {
    say(said)
    after()
    await queries.invalidateQueries({ queryKey: ['rule', id] })
    await queries.invalidateQueries({ queryKey: ['rules'] })
  }
}

function Approve({ rule, version }: { rule: RuleHistory; version: number }) {
  const { t } = useWords()
  const may = useMay(MAY.approveRule)
  const [open, setOpen] = useState(false)
  const done = useChanged(rule.id, t('ruleHistory.approvedNow'), () => setOpen(false))
  const approving = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/rules/{id}/versions/{version}/approve', {
          params: { path: { id: rule.id, version } },
        }),
      ),
    onSuccess: done,
  })
  if (!may) {
    return (
      <Text size="sm" c="dimmed">
        {t('ruleHistory.waits')}
      </Text>
    )
  }
  return (
    <>
      <Button size="xs" data-testid="rule-approve" onClick={() => setOpen(true)}>
        {t('ruleHistory.approve')}
      </Button>
      <Confirm
        opened={open}
        onClose={() => setOpen(false)}
        title={t('ruleHistory.approve')}
        text={t('ruleHistory.approveText')}
        error={approving.error}
        busy={approving.isPending}
        onDo={() => approving.mutate()}
      />
    </>
  )
}

function Deeds({ rule }: { rule: RuleHistory }) {
  const { t } = useWords()
  const may = useMay(MAY.draftRule)
  const [open, setOpen] = useState(false)
  const done = useChanged(rule.id, t('ruleHistory.endedNow'), () => setOpen(false))
  const ending = useMutation({
    mutationFn: () => ask(api.POST('/v1/rules/{id}/end', { params: { path: { id: rule.id } } })),
    onSuccess: done,
  })
  if (!may || rule.ended_at) return null
  return (
    <>
      <Button component={Link} href={`/rules/${rule.id}/next`} variant="default" data-testid="rule-next">
        {t('ruleHistory.next')}
      </Button>
      <Button variant="subtle" color="red" data-testid="rule-end" onClick={() => setOpen(true)}>
        {t('ruleHistory.end')}
      </Button>
      <Confirm
        opened={open}
        onClose={() => setOpen(false)}
        title={t('ruleHistory.end')}
        text={t('ruleHistory.endText')}
        error={ending.error}
        busy={ending.isPending}
        color="red"
        onDo={() => ending.mutate()}
      />
    </>
  )
}

function Confirm(props: {
  opened: boolean
  onClose: () => void
  title: string
  text: string
  error: unknown
  busy: boolean
  color?: string
  onDo: () => void
}) {
  const { t } = useWords()
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.title}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{props.text}</Text>
        {props.error ? <ProblemNote error={props.error} /> : null}
        <CancelOr
          onCancel={props.onClose}
          loading={props.busy}
          data-testid="confirm"
          onClick={props.onDo}
          {...(props.color ? { color: props.color } : {})}
        >
          {props.title}
        </CancelOr>
      </Stack>
    </Modal>
  )
}
