/** "A purchase is missing": the receipt is scanned or typed, and what became of those sent before. */
import { Badge, Button, Group, Modal, Paper, Skeleton, Stack, Text, Textarea, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconCamera } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { api, ask } from '../api/client'
import { asProblem } from '../api/problem'
import type { MyClaim } from '../api/types'
import { useAnnounce } from '../ui/Announcer'
import { isFiscal } from '../ui/fiscal'
import { Empty, Loaded, ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

/** The camera and its decoder are loaded when they are asked for. */
const Camera = lazy(() => import('../ui/Camera'))

const PAGE = 20

const COLOR: Record<string, string> = {
  unmatched: 'amber',
  waiting: 'amber',
  approved: 'green',
  confirmed: 'green',
  declined: 'red',
  expired: 'gray',
}

export default function Claims({ onClose }: { onClose: () => void }) {
  const { t } = useWords()
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t('claims.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack gap="lg">
        <SendReceipt />
        <Sent />
      </Stack>
    </Modal>
  )
}

function SendReceipt() {
  const { t } = useWords()
  const queries = useQueryClient()
  const say = useAnnounce()
  const [text, setText] = useState('')
  const [camera, { open, close }] = useDisclosure(false)
  const send = useMutation({
    mutationFn: (fiscal: string) => ask(api.POST('/v1/me/claims', { body: { fiscal } })),
    onSuccess: async () => {
      setText('')
      say(t('claims.sent'))
      await queries.invalidateQueries({ queryKey: ['claims'] })
    },
  })
  const wrong = send.error ? asProblem(send.error).field('fiscal') : undefined
  const take = (fiscal: string) => {
    setText(fiscal)
    send.mutate(fiscal.trim())
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        take(text)
      }}
    >
      <Stack gap="sm">
        <Text size="sm">{t('claims.how')}</Text>
        <Button
          size="md"
          leftSection={<IconCamera size={22} />}
          loading={send.isPending}
          data-testid="claim-scan"
          onClick={open}
        >
          {t('claims.scan')}
        </Button>
        <Textarea
          label={t('claims.string')}
          description={t('claims.stringHint')}
          placeholder="t=20261121T1405&s=1250.00&fn=…&i=…&fp=…&n=1"
          autosize
          minRows={2}
          autoComplete="off"
          spellCheck={false}
          data-testid="claim-string"
          value={text}
          error={wrong}
          onChange={(event) => {
            setText(event.currentTarget.value)
            send.reset()
          }}
        />
        {send.error && !wrong ? <ProblemNote error={send.error} /> : null}
        <Group justify="flex-end">
          <Button
            type="submit"
            variant="default"
            disabled={text.trim() === ''}
            loading={send.isPending}
            data-testid="claim-send"
          >
            {t('claims.send')}
          </Button>
        </Group>
      </Stack>
      {camera ? (
        <Suspense fallback={null}>
          <Camera
            wanted="qr"
            isWanted={isFiscal}
            onClose={close}
            onRead={(fiscal) => {
              close()
              take(fiscal)
            }}
          />
        </Suspense>
      ) : null}
    </form>
  )
}

function Sent() {
  const { t } = useWords()
  const query = useInfiniteQuery({
    queryKey: ['claims'],
    queryFn: ({ pageParam }): Promise<{ items: MyClaim[]; next?: string | null }> =>
      ask(
        api.GET('/v1/me/claims', {
          params: { query: { limit: PAGE, ...(pageParam ? { after: pageParam } : {}) } },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
  })
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <section aria-labelledby="claims-sent">
      <Title order={3} size="h6" c="dimmed" id="claims-sent" mb="xs">
        {t('claims.list')}
      </Title>
      <Loaded query={query} wait={<Skeleton height={96} radius="md" />}>
        {() =>
          items.length > 0 ? (
            <Stack gap="xs">
              {items.map((claim) => (
                <Row key={claim.id} claim={claim} />
              ))}
            </Stack>
          ) : (
            <Empty title={t('claims.empty')} />
          )
        }
      </Loaded>
      {query.hasNextPage ? (
        <Button
          mt="xs"
          variant="subtle"
          loading={query.isFetching}
          onClick={() => void query.fetchNextPage()}
        >
          {t('more')}
        </Button>
      ) : null}
    </section>
  )
}

function Row({ claim }: { claim: MyClaim }) {
  const { t, rubles, near } = useWords()
  return (
    <Paper className="surface" p="sm" data-testid="claim" data-status={claim.status}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div>
          <Text fw={500}>{claim.partner?.name ?? t('claims.unknown')}</Text>
          <Text size="sm" c="dimmed">
            {[printed(claim.printed_at), claim.outlet].filter(Boolean).join(' · ')}
          </Text>
        </div>
        <div className="number">
          <Text fw={700}>{rubles(claim.amount)}</Text>
          <Badge color={COLOR[claim.status] ?? 'gray'}>{t(`claims.status.${claim.status}`)}</Badge>
        </div>
      </Group>
      <Text size="sm" mt={6}>
        {claim.explanation}
      </Text>
      <Text size="xs" c="dimmed" mt={2}>
        {t('claims.filed', { when: near(claim.filed_at) })}
      </Text>
    </Paper>
  )
}

/** What the till's clock showed: no zone to translate, so as it is printed. */
function printed(at: string): string {
  const [date = '', clock = ''] = at.split('T')
  return `${date.split('-').toReversed().join('.')} ${clock.slice(0, 5)}`
}
