/** Drafting a rule, or a further version of one: the form, and beside it what a sample purchase would bring. */
import { Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, ask } from '../../../api/client'
import { asProblem, Problem } from '../../../api/problem'
import type { RuleBody } from '../../../api/types'
import { useAnnounce } from '../../../ui/Announcer'
import { Loaded, ProblemNote } from '../../../ui/states'
import { useWords } from '../../../ui/words'
import { Guarded } from '../../parts/Guarded'
import { PageHead } from '../../parts/PageHead'
import { MAY } from '../../sections'
import { useMay } from '../../staff'
import { partnersQuery } from '../partnersQuery'
import { formOf, NEW_RULE, type RuleForm, ruleOf, unreadable } from './form'
import { Preview } from './Preview'
import { RuleFields } from './RuleFields'
import { ruleQuery } from './ruleQuery'
import { SimulationPanel } from './SimulationPanel'

export default function RuleEditor({ id }: { id?: string | undefined }) {
  return <Guarded section="rules">{id ? <NextVersion id={id} /> : <Editor start={NEW_RULE} />}</Guarded>
}

function NextVersion({ id }: { id: string }) {
  const rule = useQuery(ruleQuery(id))
  return (
    <Loaded query={rule}>
      {({ versions }) => {
        const last = versions.at(-1)
        return <Editor id={id} start={last ? formOf(last) : NEW_RULE} />
      }}
    </Loaded>
  )
}

function Editor({ id, start }: { id?: string; start: RuleForm }) {
  const { t } = useWords()
  const may = useMay(MAY.draftRule)
  const say = useAnnounce()
  const queries = useQueryClient()
  const [, go] = useLocation()
  const partners = useQuery(partnersQuery())
  const [form, setForm] = useState(start)
  const rule = ruleOf(form)
  const wrong = unreadable(form)
  const saving = useMutation({
    mutationFn: (body: RuleBody) =>
      id
        ? ask(api.POST('/v1/rules/{id}/versions', { params: { path: { id } }, body }))
        : ask(api.POST('/v1/rules', { body })),
    onSuccess: async (made) => {
      say(t('ruleForm.saved'))
      await queries.invalidateQueries({ queryKey: ['rules'] })
      await queries.invalidateQueries({ queryKey: ['rule', made.id] })
      go(`/rules/${made.id}`)
    },
  })
  const problem = saving.error ? asProblem(saving.error) : undefined
  const atFields = problem?.status === 422 && problem.errors.length > 0
  return (
    <>
      <PageHead title={id ? t('ruleForm.nextVersion') : t('ruleForm.newRule')} hint={t('ruleForm.hint')}>
        <Anchor component={Link} href={id ? `/rules/${id}` : '/rules'}>
          {t('ruleForm.back')}
        </Anchor>
      </PageHead>
      {may ? null : <ProblemNote error={new Problem(403, {})} allowed={MAY.draftRule} />}
      <div className="rule-editor">
        <Stack gap="md">
          <RuleFields
            form={form}
            change={(part) => {
              setForm((before) => ({ ...before, ...part }))
              // What the server said was about the form as it was.
              if (saving.error) saving.reset()
            }}
            errors={atFields ? problem.errors : []}
            unreadable={wrong}
            partners={partners.data ?? []}
            fixedPartner={id !== undefined}
          />
          {problem && !atFields ? <ProblemNote error={problem} allowed={MAY.draftRule} /> : null}
          {atFields || wrong.length > 0 ? (
            <Text c="red" role="alert">
              {t('ruleForm.fieldsWrong')}
            </Text>
          ) : null}
          <Group>
            <Button
              data-testid="rule-save"
              loading={saving.isPending}
              onClick={() => saving.mutate(rule)}
              disabled={!may || wrong.length > 0}
            >
              {t('ruleForm.save')}
            </Button>
          </Group>
        </Stack>
        <div className="rule-aside">
          <Preview rule={rule} readable={wrong.length === 0} replaces={id} partners={partners.data ?? []} />
        </div>
      </div>
      <SimulationPanel
        readable={wrong.length === 0}
        changes={id ? { replace: [{ id, rule }] } : { drafts: [rule] }}
      />
    </>
  )
}
