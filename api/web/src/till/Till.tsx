/** The frame of the till: who and where, purchase or refund, and what was done today. */
import { ActionIcon, Badge, Group, Kbd, SegmentedControl, Text, Title } from '@mantine/core'
import { useDisclosure, useHotkeys, useNetwork } from '@mantine/hooks'
import { IconSettings, IconVolume, IconVolumeOff } from '@tabler/icons-react'
import { useCallback, useState } from 'react'
import type { Purchase, StaffMe } from '../api/types'
import { useWords } from '../ui/words'
import { HeldFlow } from './HeldFlow'
import { useKeptKnown } from './offline/known'
import { QueueList } from './offline/QueueList'
import { type Queued, useQueue } from './offline/queue'
import { PurchaseFlow } from './PurchaseFlow'
import { RefundFlow } from './RefundFlow'
import { isMuted, setMuted, soundYes } from './sounds'
import { type Outlet, outletName } from './TillEntry'
import { TillSettings } from './TillSettings'
import { TodayList } from './TodayList'
import { type Done, useToday } from './today'

function doneOf({ id, receipt, amount, cashback }: Purchase, at: string): Done {
  return { id, kind: 'purchase', receipt, amount, cashback: cashback.amount, at }
}

interface Props {
  staff: StaffMe
  outlet: Outlet
  onOutlet: () => void
}

const WORKS = ['purchase', 'refund', 'held'] as const
type Work = (typeof WORKS)[number]

export function Till({ staff, outlet, onOutlet }: Props) {
  const { t } = useWords()
  const today = useToday(outlet.code)
  const { add } = today
  const sent = useCallback(
    (purchase: Purchase, queued: Queued) => add(doneOf(purchase, queued.occurredAt)),
    [add],
  )
  const queue = useQueue(outlet.code, sent)
  useKeptKnown()
  const [work, setWork] = useState<Work>('purchase')
  const [turn, setTurn] = useState(0)
  const [given, setGiven] = useState('')
  /** `text`: the receipt to refund, or what the scanner read already. */
  const go = (to: Work, text = '') => {
    setWork(to)
    setGiven(text)
    setTurn((before) => before + 1)
  }
  useHotkeys(
    [
      ['F2', () => go('purchase')],
      ['F3', () => go('refund')],
      ['F4', () => go('held')],
      // Escape closes a window that lies above before it starts anything over.
      ['Escape', () => (document.querySelector('[role="dialog"]') ? undefined : go(work))],
    ],
    [],
  )
  const lastReceipt = today.rows.find(({ kind }) => kind === 'purchase')?.receipt
  return (
    <>
      <Head staff={staff} outlet={outlet} onOutlet={onOutlet} />
      <main className="till-body">
        <div>
          <SegmentedControl
            mb="md"
            aria-label={t('till.work')}
            value={work}
            onChange={(to) => go(WORKS.find((one) => one === to) ?? 'purchase')}
            data={[
              { value: 'purchase', label: <Labelled text={t('till.purchase')} hotkey="F2" /> },
              { value: 'refund', label: <Labelled text={t('till.refund')} hotkey="F3" /> },
              { value: 'held', label: <Labelled text={t('held.title')} hotkey="F4" /> },
            ]}
          />
          {work === 'purchase' ? (
            <PurchaseFlow
              key={turn}
              outlet={outlet.code}
              queue={queue}
              scanned={given}
              lastReceipt={lastReceipt}
              onDone={today.add}
              onNext={(scanned) => go('purchase', scanned)}
            />
          ) : work === 'held' ? (
            <HeldFlow key={turn} outlet={outlet.code} onDone={today.add} onNext={() => go('purchase')} />
          ) : (
            <RefundFlow
              key={turn}
              outlet={outlet.code}
              receipt={given}
              onDone={today.add}
              onNext={() => go('purchase')}
            />
          )}
        </div>
        <div>
          <QueueList rows={queue.rows} onDrop={(id) => void queue.drop(id)} />
          <TodayList rows={today.rows} onOpen={(receipt) => go('refund', receipt)} />
        </div>
      </main>
    </>
  )
}

function Labelled({ text, hotkey }: { text: string; hotkey: string }) {
  return (
    <Group gap={8} wrap="nowrap" data-testid={`work-${hotkey}`}>
      {text}
      <Kbd size="xs" visibleFrom="sm">
        {hotkey}
      </Kbd>
    </Group>
  )
}

function Head({ staff, outlet, onOutlet }: Props) {
  const { t } = useWords()
  const { online } = useNetwork()
  const [muted, setMutedHere] = useState(isMuted)
  const [opened, settings] = useDisclosure(false)
  return (
    <header className="till-head">
      <Group gap="sm" wrap="nowrap" miw={0}>
        <Title order={1} size="h4">
          {t('till.title')}
        </Title>
        <Text c="dimmed" truncate>
          {outletName(outlet)}
        </Text>
      </Group>
      <Group gap={4} wrap="nowrap">
        <Badge color={online ? 'green' : 'amber'} visibleFrom="xs">
          {online ? t('till.online') : t('till.offline')}
        </Badge>
        <Text size="sm" c="dimmed" visibleFrom="md" mx="xs">
          {staff.email}
        </Text>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={44}
          aria-pressed={muted}
          aria-label={muted ? t('till.unmute') : t('till.mute')}
          onClick={() => {
            setMuted(!muted)
            setMutedHere(!muted)
            if (muted) soundYes()
          }}
        >
          {muted ? <IconVolumeOff size={22} /> : <IconVolume size={22} />}
        </ActionIcon>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={44}
          aria-label={t('till.settings')}
          data-testid="settings"
          onClick={settings.open}
        >
          <IconSettings size={22} />
        </ActionIcon>
      </Group>
      <TillSettings
        staff={staff}
        outlet={outlet}
        onOutlet={onOutlet}
        opened={opened}
        onClose={settings.close}
      />
    </header>
  )
}
