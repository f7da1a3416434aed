/** The till: sign-in, the choice of the outlet, then the work. */
import { Button, Container, Paper, Stack, Title } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { StaffMe } from '../api/types'
import { setProgrammeZone } from '../ui/moment'
import { StaffSignIn } from '../ui/StaffSignIn'
import { useSession } from '../ui/session'
import { Empty, Loaded } from '../ui/states'
import { useWords } from '../ui/words'
import { useTillStaff } from './offline/staff'
import { Till } from './Till'

export type Outlet = StaffMe['outlets'][number]

const AT_TILL = new Set(['cashier', 'manager'])

export function TillEntry() {
  const { t } = useWords()
  const { signedIn } = useSession()
  return signedIn ? <Inside /> : <StaffSignIn title={t('till.title')} hint={t('till.signInHint')} />
}

function Inside() {
  const me = useTillStaff()
  return <Loaded query={me}>{(staff) => <AtOutlet staff={staff} />}</Loaded>
}

function AtOutlet({ staff }: { staff: StaffMe }) {
  const { t } = useWords()
  const { signOut } = useSession()
  const [outlet, choose] = useOutlet(staff)
  useEffect(() => setProgrammeZone(staff.programme_zone), [staff.programme_zone])
  if (!AT_TILL.has(staff.role) || staff.outlets.length === 0) {
    return (
      <Container component="main" size={520} py="xl">
        <Empty title={t('till.notYours')}>{t('till.notYoursHint', { role: t(`role.${staff.role}`) })}</Empty>
        <Button variant="default" fullWidth onClick={() => void signOut()}>
          {t('signOut')}
        </Button>
      </Container>
    )
  }
  if (outlet)
    return <Till key={outlet.code} staff={staff} outlet={outlet} onOutlet={() => choose(undefined)} />
  return <OutletChoice outlets={staff.outlets} onChoose={choose} />
}

/** The outlet of this till, remembered by the browser. */
function useOutlet(staff: StaffMe): [Outlet | undefined, (outlet: Outlet | undefined) => void] {
  const place = `unioncard.till.outlet.${staff.id}`
  const [code, setCode] = useState(() => {
    try {
      return localStorage.getItem(place) ?? undefined
    } catch {
      return undefined
    }
  })
  const [only, second] = staff.outlets
  const outlet = staff.outlets.find((one) => one.code === code) ?? (second ? undefined : only)
  return [
    outlet,
    (chosen) => {
      setCode(chosen?.code)
      try {
        if (chosen) localStorage.setItem(place, chosen.code)
        else localStorage.removeItem(place)
      } catch {
        // Without storage the outlet is asked for again next time.
      }
    },
  ]
}

function OutletChoice({ outlets, onChoose }: { outlets: Outlet[]; onChoose: (outlet: Outlet) => void }) {
  const { t } = useWords()
  return (
    <Container component="main" size={520} py="xl">
      <Paper className="surface" p="lg">
        <Title order={1} size="h3" mb="md">
          {t('till.outlet')}
        </Title>
        <Stack gap="xs">
          {outlets.map((outlet) => (
            <Button
              key={outlet.code}
              size="lg"
              variant="default"
              justify="flex-start"
              classNames={{ root: 'outlet-choice', label: 'outlet-name' }}
              data-testid="outlet"
              onClick={() => onChoose(outlet)}
            >
              {outletName(outlet)}
            </Button>
          ))}
        </Stack>
      </Paper>
    </Container>
  )
}

export function outletName(outlet: Outlet): string {
  return [outlet.name, outlet.town].filter(Boolean).join(' · ')
}
