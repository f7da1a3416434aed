//! Exact money: a purchase becomes transfers (money.md).
//!
//! Everything takes `&mut PgConnection`, values and a `now`; nothing here knows HTTP, the clock or the environment.
//! Rows that belong together are written in the caller's transaction.
//!
//! # What callers use
//! - [`rules::BookCache`]: one per process, `Default`, cloned freely; hand it to everything that judges or shows
//!   purchases. It notices by itself when it is stale.
//! - [`partners`]: `create`, `add_outlet`, `find`, `by_id`, `list`, `outlets`, `outlet`.
//! - [`rules::store`]: `create`, `add` (a further version), `approve`, `end`, `one`, `list`; a rule's JSON is
//!   [`rules::RuleDraft`]. A version is in force from its approval on: to judge history by it, approve it with the
//!   `now` of that time.
//! - [`enrolments`]: `enrol`, `enrol_many`, `leave`, `state`.
//! - [`posting`]: `known(connection, &[ReceiptKey]) -> QueryResult<HashMap<ReceiptKey, Known>>` (identity, before card
//!   or code), `post(connection, &BookCache, &[Sale], now) -> QueryResult<Vec<Result<Posted, Refusal>>>` inside the
//!   caller's transaction, at most [`posting::BATCH_MAX`]; a batch that fails as a whole is run again one by one.
//!   `quote(connection, &BookCache, &Sale, now) -> QueryResult<Result<Posted, Refusal>>` writes nothing.
//! - [`purchases`]: `purchase`, `purchase_by_receipt` (scoped by partner where asked),
//!   `explanation(connection, &BookCache, PurchaseId) -> QueryResult<Option<Explanation>>`, put into words by
//!   `texts::sentences(&Explanation, Language)`.
//! - `refunds::refund(connection, &BookCache, &[Return], now) -> QueryResult<Vec<Result<Refunded, Refusal>>>` with
//!   `Return { purchase: PurchaseId, partner: Option<PartnerId>, what: Returned::Amount(Money) | Lines(Vec<Line>),
//!   reference: String, fiscal: Option<Fiscal>, occurred_at }` and `Refunded { purchase: Purchase, replayed: bool }`.
//! - `two_step::capture(connection, &BookCache, PurchaseId, Option<PartnerId>, Option<Returned>, posted_by, now)`,
//!   `two_step::void(connection, &BookCache, PurchaseId, Option<PartnerId>, now)` → `QueryResult<Result<Purchase, Refusal>>`.
//! - [`balances`]: `balance`; `operations::operations(connection, &BookCache, member, after: Option<Uuid>, limit, now)`
//!   → `QueryResult<Page<Operation, Uuid>>`.
//! - [`ledger`]: `read::accounts`, `read::trial_balance`, `read::postings` (account identifiers `kind:owner`),
//!   `audit::verify`.
//! - `jobs::{release_holds, pay_debts, expire, void_authorizations}(connection, &BookCache, at, now)`,
//!   `jobs::ensure_partitions(connection, from, until)`.
//! - `reconciliation`: `create_register(connection, NewRegister, impl Read, now)`, `pending_rows`, `post_rows`, `finish`,
//!   `register`, `registers`, `rows`.
#![deny(clippy::float_arithmetic)]

pub mod balances;
pub mod days;
pub mod enrolments;
pub mod error;
pub mod explanation;
pub mod ids;
pub mod jobs;
pub mod ledger;
mod lots;
pub mod operations;
pub mod partners;
pub mod posting;
pub mod purchases;
pub mod reconciliation;
pub mod refunds;
pub mod rules;
#[allow(missing_docs, reason = "generated")]
pub mod schema;
mod statement;
pub mod texts;
pub mod two_step;

pub use error::{EngineError, Invalid};
pub use ids::{PartnerId, PostingId, PurchaseId, RegisterId, RuleId};
