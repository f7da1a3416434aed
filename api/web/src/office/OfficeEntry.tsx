/** The office: sign-in, then the pages of one's role. Addresses live behind the `#`, so that one HTML file serves all. */
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useEffect } from 'react'
import { Route, Router, Switch } from 'wouter'
import { useHashLocation } from 'wouter/use-hash-location'
import { api, ask } from '../api/client'
import type { StaffMe } from '../api/types'
import { setProgrammeZone } from '../ui/moment'
import { StaffSignIn } from '../ui/StaffSignIn'
import { useSession } from '../ui/session'
import { Empty, Loaded, Loading } from '../ui/states'
import { useWords } from '../ui/words'
import { Shell } from './Shell'
import { Staff } from './staff'
import { Today } from './Today'

const Members = lazy(() => import('./registry/Members'))
const Cards = lazy(() => import('./registry/Cards'))
const Organisations = lazy(() => import('./registry/Organisations'))
const Imports = lazy(() => import('./registry/Imports'))
const ImportReport = lazy(() => import('./registry/ImportReport'))
const TrialBalance = lazy(() => import('./finance/TrialBalance'))
const AccountPostings = lazy(() => import('./finance/AccountPostings'))
const PurchasePage = lazy(() => import('./finance/PurchasePage'))
const Registers = lazy(() => import('./finance/Registers'))
const RegisterReport = lazy(() => import('./finance/RegisterReport'))
const Accounts = lazy(() => import('./finance/Accounts'))
const Adjustments = lazy(() => import('./finance/Adjustments'))
const Tiers = lazy(() => import('./finance/Tiers'))
const Rules = lazy(() => import('./finance/rules/Rules'))
const RuleEditor = lazy(() => import('./finance/rules/RuleEditor'))
const RulePage = lazy(() => import('./finance/rules/RulePage'))
const Simulations = lazy(() => import('./finance/rules/Simulations'))
const Partners = lazy(() => import('./finance/Partners'))
const Fraud = lazy(() => import('./finance/Fraud'))
const Claims = lazy(() => import('./finance/Claims'))
const Printing = lazy(() => import('./printing/Printing'))
const Designs = lazy(() => import('./printing/Designs'))
const WalletApps = lazy(() => import('./settings/WalletApps'))
const Settings = lazy(() => import('./settings/Settings'))

export function OfficeEntry() {
  const { t } = useWords()
  const { signedIn } = useSession()
  return signedIn ? <Inside /> : <StaffSignIn title={t('office.title')} hint={t('office.signInHint')} />
}

function Inside() {
  const me = useQuery({
    queryKey: ['staff'],
    queryFn: () => ask(api.GET('/v1/staff/me')),
    staleTime: 300_000,
  })
  return <Loaded query={me}>{(staff) => <Office staff={staff} />}</Loaded>
}

function Office({ staff }: { staff: StaffMe }) {
  useEffect(() => setProgrammeZone(staff.programme_zone), [staff.programme_zone])
  return (
    <Staff value={staff}>
      <Router hook={useHashLocation}>
        <Shell>
          <Suspense fallback={<Loading />}>
            <Pages />
          </Suspense>
        </Shell>
      </Router>
    </Staff>
  )
}

function Pages() {
  const { t } = useWords()
  return (
    <Switch>
      <Route path="/">
        <Today />
      </Route>
      <Route path="/members/:id?">{({ id }) => <Members chosen={id} />}</Route>
      <Route path="/cards/:id?">{({ id }) => <Cards chosen={id} />}</Route>
      <Route path="/organisations/:code?">{({ code }) => <Organisations chosen={code} />}</Route>
      <Route path="/imports">
        <Imports />
      </Route>
      <Route path="/imports/:id">{({ id }) => <ImportReport key={id} id={id} />}</Route>
      <Route path="/ledger">
        <TrialBalance />
      </Route>
      <Route path="/ledger/:account">
        {({ account }) => <AccountPostings key={account} account={account} />}
      </Route>
      <Route path="/purchases/:id">{({ id }) => <PurchasePage id={id} />}</Route>
      <Route path="/registers">
        <Registers />
      </Route>
      <Route path="/registers/:id">{({ id }) => <RegisterReport key={id} id={id} />}</Route>
      <Route path="/rules">
        <Rules />
      </Route>
      <Route path="/fraud/:id?">{({ id }) => <Fraud chosen={id} />}</Route>
      <Route path="/claims/:id?">{({ id }) => <Claims chosen={id} />}</Route>
      <Route path="/accounts">
        <Accounts />
      </Route>
      <Route path="/adjustments">
        <Adjustments />
      </Route>
      <Route path="/tiers">
        <Tiers />
      </Route>
      <Route path="/rules/new">
        <RuleEditor />
      </Route>
      <Route path="/rules/simulations/:id?">{({ id }) => <Simulations id={id} />}</Route>
      <Route path="/rules/:id/next">{({ id }) => <RuleEditor key={id} id={id} />}</Route>
      <Route path="/rules/:id">{({ id }) => <RulePage key={id} id={id} />}</Route>
      <Route path="/partners/:code?">{({ code }) => <Partners chosen={code} />}</Route>
      <Route path="/printing/:id?">{({ id }) => <Printing chosen={id} />}</Route>
      <Route path="/designs">
        <Designs />
      </Route>
      <Route path="/wallets/:id?">{({ id }) => <WalletApps chosen={id} />}</Route>
      <Route path="/settings">
        <Settings />
      </Route>
      <Route>
        <Empty title={t('office.nowhere')} />
      </Route>
    </Switch>
  )
}
