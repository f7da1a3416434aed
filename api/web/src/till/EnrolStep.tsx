/** "Not in the programme: enrol now?" The union tells the customer a code, the customer tells it to the cashier. */
import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconUserPlus } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import { useAnnounce } from '../ui/Announcer'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'
import { soundNo, soundYes } from './sounds'

export function EnrolStep({ resolution, onDone }: { resolution: string; onDone: () => void }) {
  const { t } = useWords()
  const starting = useMutation({
    mutationFn: () => ask(api.POST('/v1/enrolments', { body: { resolution } })),
    onError: soundNo,
  })
  const started = starting.data
  return (
    <Alert
      color="amber"
      icon={<IconUserPlus size={20} />}
      title={t('enrolment.title')}
      data-testid="enrol-step"
    >
      <Stack gap="sm">
        <Text size="sm">{t('enrolment.text')}</Text>
        {starting.error ? <ProblemNote error={starting.error} /> : null}
        {started ? (
          <Told
            key={started.id}
            id={started.id}
            sent={t(started.sent_by === 'sms' ? 'enrolment.sentSms' : 'enrolment.sentEmail')}
            version={started.offer_version}
            onDone={onDone}
          />
        ) : null}
        <Group>
          <Button
            variant={started ? 'default' : 'filled'}
            loading={starting.isPending}
            data-testid="enrol-start"
            onClick={() => starting.mutate()}
          >
            {t(started ? 'enrolment.again' : 'enrolment.start')}
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}

interface ToldProps {
  id: string
  sent: string
  version: string
  onDone: () => void
}

function Told({ id, sent, version, onDone }: ToldProps) {
  const { t } = useWords()
  const say = useAnnounce()
  const [code, setCode] = useState('')
  const confirming = useMutation({
    mutationFn: () =>
      ask(api.POST('/v1/enrolments/{id}/confirm', { params: { path: { id } }, body: { code: code.trim() } })),
    onSuccess: () => {
      soundYes()
      say(t('enrolment.done'))
      onDone()
    },
    onError: soundNo,
  })
  const problem = confirming.error ? asProblem(confirming.error) : undefined
  const field = problem?.field('code')
  function submit(event: FormEvent) {
    event.preventDefault()
    if (/^\d{6}$/.test(code.trim())) confirming.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      <Text size="sm">
        {sent} {t('enrolment.agree', { version })}
      </Text>
      <Group align="flex-end" mt="xs">
        <TextInput
          label={t('enrolment.code')}
          description={t('enrolment.codeHint')}
          styles={{ description: { color: 'inherit' } }}
          inputMode="numeric"
          autoComplete="off"
          maxLength={6}
          autoFocus
          data-testid="enrol-code"
          value={code}
          error={field}
          onChange={(event) => {
            setCode(event.currentTarget.value)
            confirming.reset()
          }}
        />
        <Button
          type="submit"
          disabled={!/^\d{6}$/.test(code.trim())}
          loading={confirming.isPending}
          data-testid="enrol-confirm"
        >
          {t('enrolment.confirm')}
        </Button>
      </Group>
      {problem && !field ? <ProblemNote error={problem} /> : null}
    </form>
  )
}
