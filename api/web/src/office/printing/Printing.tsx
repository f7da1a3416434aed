/** The issuer's desk: what waits to be printed, the batches, a batch beside them. */
import { Badge, Button, Group, NativeSelect, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import { useAnnounce } from '../../ui/Announcer'
import { Empty, Loaded, ProblemNote } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { usePaged } from '../parts/usePaged'
import { OrganisationPicker } from '../registry/OrganisationPicker'
import { useMay } from '../staff'
import { BatchRecord } from './BatchRecord'
import { OrderForAll, Orders } from './CardOrders'
import { BATCH_COLOR, type Batch, DPI, MAY_PRINT, type Queue } from './shapes'

export default function Printing({ chosen }: { chosen: string | undefined }) {
  const { t } = useWords()
  return (
    <Guarded section="printing">
      <PageHead title={t('nav.printing')} hint={t('printing.hint')}>
        <OrderForAll />
      </PageHead>
      <Stack gap="lg">
        <Orders />
        <Waiting />
        <Batches chosen={chosen} />
      </Stack>
    </Guarded>
  )
}

/** What waits; batches are made of a whole subtree's cards, or of one organisation's. */
function Waiting() {
  const { t } = useWords()
  const may = useMay(MAY_PRINT)
  const [dpi, setDpi] = useState<string>(DPI[0])
  const queue = useQuery({
    queryKey: ['print-queue'],
    queryFn: () => ask(api.GET('/v1/print-queue', { params: { query: { limit: 200 } } })),
  })
  const making = useMaking(Number(dpi))
  return (
    <Paper className="surface" p="md">
      <Title order={2} size="h5" mb="xs">
        {t('printing.waiting')}
      </Title>
      <Stack gap="sm">
        {may ? <Subtree dpi={dpi} onDpi={setDpi} making={making} /> : null}
        <Loaded query={queue}>{(data) => <Organisations queue={data} may={may} making={making} />}</Loaded>
      </Stack>
    </Paper>
  )
}

function useMaking(dpi: number) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const [, go] = useLocation()
  return useMutation({
    mutationFn: (organisation: string) => ask(api.POST('/v1/print-batches', { body: { organisation, dpi } })),
    onSuccess: async ({ id, number }) => {
      say(t('printing.made', { number }))
      await queries.invalidateQueries({ queryKey: ['print-queue'] })
      await queries.invalidateQueries({ queryKey: ['print-batches'] })
      go(`/printing/${id}`)
    },
  })
}

type Making = ReturnType<typeof useMaking>

function Subtree({ dpi, onDpi, making }: { dpi: string; onDpi: (dpi: string) => void; making: Making }) {
  const { t } = useWords()
  const [organisation, setOrganisation] = useState<string | null>(null)
  const problem = making.error ? asProblem(making.error) : undefined
  return (
    <>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" maw={720}>
        <OrganisationPicker
          label={t('printing.makeFrom')}
          value={organisation}
          onChange={setOrganisation}
          error={problem?.field('organisation')}
        />
        <NativeSelect
          label={t('printing.dpi')}
          data-testid="print-dpi"
          value={dpi}
          onChange={(event) => onDpi(event.currentTarget.value)}
          data={DPI.map((value) => ({ value, label: t('printing.dots', { dpi: value }) }))}
        />
      </SimpleGrid>
      <Text size="xs" c="dimmed">
        {t('printing.makeHint')} {t('printing.dpiHint')}
      </Text>
      {problem && !problem.field('organisation') ? <ProblemNote error={problem} allowed={MAY_PRINT} /> : null}
      <Group>
        <Button
          disabled={!organisation}
          loading={making.isPending && making.variables === organisation}
          data-testid="print-make-subtree"
          onClick={() => (organisation ? making.mutate(organisation) : undefined)}
        >
          {t('printing.make')}
        </Button>
      </Group>
    </>
  )
}

function Organisations({ queue, may, making }: { queue: Queue; may: boolean; making: Making }) {
  const { t } = useWords()
  return (
    <Stack gap="xs">
      {queue.items.map(({ organisation, waiting }) => (
        <Group key={organisation.code} justify="space-between" wrap="nowrap" data-testid="print-waiting">
          <div style={{ minWidth: 0 }}>
            <Text size="sm" truncate>
              {organisation.name}
            </Text>
            <Text size="xs" c="dimmed">
              {organisation.code} · {t('printing.cards', { count: waiting })}
            </Text>
          </div>
          {may ? (
            <Button
              size="xs"
              flex="none"
              variant="default"
              loading={making.isPending && making.variables === organisation.code}
              aria-label={t('printing.makeFor', { name: organisation.name })}
              data-testid="print-make"
              onClick={() => making.mutate(organisation.code)}
            >
              {t('printing.make')}
            </Button>
          ) : null}
        </Group>
      ))}
      {queue.items.length === 0 && !queue.more ? (
        <Text c="dimmed" size="sm">
          {t('printing.nothingWaits')}
        </Text>
      ) : null}
      {queue.more || queue.next ? (
        <Text size="xs" c="dimmed">
          {t('printing.more')}
        </Text>
      ) : null}
    </Stack>
  )
}

function Batches({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const [, go] = useLocation()
  const list = usePaged<Batch>(['print-batches'], (paging, signal) =>
    ask(api.GET('/v1/print-batches', { params: { query: paging }, signal })),
  )
  return (
    <Loaded query={list.loaded}>
      {(items) =>
        items.length === 0 ? (
          <Empty title={t('printing.noBatches')}>{t('printing.noBatchesHint')}</Empty>
        ) : (
          <Beside
            title={t('printing.record')}
            record={chosen ? <BatchRecord key={chosen} id={chosen} /> : undefined}
            onClose={() => go('/printing')}
          >
            <DataTable
              label={t('printing.batches')}
              columns={columns(words)}
              rows={items}
              rowKey={({ id }) => id}
              chosen={chosen}
              compact={chosen !== undefined}
              onOpen={({ id }) => go(`/printing/${id}`)}
              rowTestId="print-batch"
              under={<More count={items.length} more={list.more} busy={list.busy} />}
            />
          </Beside>
        )
      }
    </Loaded>
  )
}

function columns({ t, stamp }: Words): Column<Batch>[] {
  return [
    {
      key: 'number',
      title: t('printing.number'),
      cell: ({ number }) => t('printing.numbered', { number }),
      sort: ({ number }) => number,
    },
    {
      key: 'status',
      title: t('printing.status'),
      cell: ({ status }) => (
        <Badge color={BATCH_COLOR[status] ?? 'gray'}>{t(`printing.batchStatus.${status}`)}</Badge>
      ),
      sort: ({ status }) => status,
    },
    {
      key: 'organisation',
      title: t('printing.organisation'),
      cell: ({ organisation }) => organisation.name,
      sort: ({ organisation }) => organisation.name,
      wrap: true,
    },
    {
      key: 'cards',
      title: t('printing.total'),
      cell: ({ cards }) => cards,
      sort: ({ cards }) => cards,
      numeric: true,
    },
    {
      key: 'left',
      title: t('printing.left'),
      cell: ({ in_print }) => in_print,
      sort: ({ in_print }) => in_print,
      numeric: true,
    },
    {
      key: 'made',
      title: t('printing.madeAt'),
      cell: ({ made_at }) => stamp(made_at),
      sort: ({ made_at }) => made_at,
      secondary: true,
    },
  ]
}
