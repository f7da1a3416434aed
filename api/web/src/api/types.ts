/** The shapes of the answers, named for the pages, taken from the routes so that the generated schema rules. */
import type { paths } from './schema'

type Content<R> = R extends { content: { 'application/json': infer T } } ? T : never
type Good<R> = R extends { 200: infer T }
  ? T
  : R extends { 201: infer T }
    ? T
    : R extends { 202: infer T }
      ? T
      : never
type Answer<Path extends keyof paths, Verb extends keyof paths[Path]> = paths[Path][Verb] extends {
  responses: infer R
}
  ? Content<Good<R>>
  : never
type Item<List> = List extends { items: (infer T)[] } ? T : never
type Body<Path extends keyof paths, Verb extends keyof paths[Path]> = paths[Path][Verb] extends {
  requestBody: { content: { 'application/json': infer T } }
}
  ? T
  : never

export type Me = Answer<'/v1/me', 'get'>
export type StaffMe = Answer<'/v1/staff/me', 'get'>
export type Card = Item<Answer<'/v1/me/cards', 'get'>>
export type CardLimits = NonNullable<Card['limits']>
export type CardDevice = Item<Answer<'/v1/me/devices', 'get'>>
export type ConnectedApp = Item<Answer<'/v1/me/apps', 'get'>>
export type Consent = Answer<'/v1/oauth/consent', 'get'>
export type Code = Answer<'/v1/me/cards/{id}/code', 'get'>
export type Balance = Answer<'/v1/me/balance', 'get'>
export type Operation = Item<Answer<'/v1/me/operations', 'get'>>
export type MyClaim = Item<Answer<'/v1/me/claims', 'get'>>
export type Claim = Item<Answer<'/v1/claims', 'get'>>
export type FraudCase = Item<Answer<'/v1/fraud', 'get'>>
export type FraudRule = Answer<'/v1/fraud/rules', 'get'>['rules'][number]
export type Resolution = Answer<'/v1/cards/resolve', 'post'>
export type Purchase = Answer<'/v1/purchases/{id}', 'get'>
export type PurchaseBody = Body<'/v1/purchases', 'post'>
export type Explanation = Answer<'/v1/purchases/{id}/explanation', 'get'>
export type TrialBalance = Answer<'/v1/ledger/trial-balance', 'get'>
export type LedgerAccount = TrialBalance['accounts'][number]
export type Posting = Item<Answer<'/v1/ledger/postings', 'get'>>
export type Register = Item<Answer<'/v1/registers', 'get'>>
export type RegisterReport = Answer<'/v1/registers/{id}', 'get'>
export type RegisterRow = Item<Answer<'/v1/registers/{id}/rows', 'get'>>
export type Partner = Item<Answer<'/v1/partners', 'get'>>
export type PartnerRecord = Answer<'/v1/partners/{code}', 'get'>
export type WalletApp = Item<Answer<'/v1/wallet-apps', 'get'>>
export type CardOrder = Item<Answer<'/v1/card-orders', 'get'>>
export type Rule = Item<Answer<'/v1/rules', 'get'>>
export type RuleBody = Body<'/v1/rules', 'post'>
export type RuleHistory = Answer<'/v1/rules/{id}', 'get'>
export type SimulationBody = Body<'/v1/rules/simulate', 'post'>
export type SimulationListed = Item<Answer<'/v1/rules/simulations', 'get'>>
export type Simulation = Answer<'/v1/rules/simulations/{id}', 'get'>
export type Organisation = Item<Answer<'/v1/organisations', 'get'>>
export type Statistics = Answer<'/v1/organisations/{code}/statistics', 'get'>
export type Member = Item<Answer<'/v1/members', 'get'>>
export type MemberRecord = Answer<'/v1/members/{id}', 'get'>
export type Merge = Answer<'/v1/members/{id}/merge', 'post'>
export type MemberAccount = Answer<'/v1/members/{id}/standing', 'get'>
export type Adjustment = Item<Answer<'/v1/adjustments', 'get'>>
export type TiersBody = Body<'/v1/tiers', 'put'>
export type TierSettings = NonNullable<Answer<'/v1/tiers', 'get'>['in_force']>
export type ImportReport = Answer<'/v1/imports/{id}', 'get'>
export type CardRecord = Answer<'/v1/cards/{id}', 'get'>
export type OfficeCard = Item<Answer<'/v1/cards', 'get'>>
export type Settings = Answer<'/v1/settings', 'get'>
export type Rejected = Item<Answer<'/v1/imports/{id}/rejected', 'get'>>
export type Webhook = Item<Answer<'/v1/webhooks', 'get'>>
export type WebhookDelivery = Item<Answer<'/v1/webhooks/{id}/deliveries', 'get'>>
