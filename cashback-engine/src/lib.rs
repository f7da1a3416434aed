//! Exact money: a purchase becomes transfers (money.md).
//!
//! Everything takes `&mut PgConnection`, values and a `now`; nothing here knows HTTP, the clock or the environment.
//! Rows that belong together are written in the caller's transaction.
//!
//! # What callers use
//! - [`rules::BookCache`]: one per process, `Default`, cloned freely; hand it to everything that judges or shows
//!   purchases. It notices by itself when it is stale.
//! - [`partners`]: `create`, `change`, `add_outlet`, `find`, `by_id`, `list`, `outlets`, `outlet`.
//! - [`rules::store`]: `create`, `add` (a further version), `approve`, `end`; [`rules::listing`]: `one`, `list`,
//!   `versions`; a rule's JSON is [`rules::RuleDraft`]. A version is in force from its approval on (a further one from
//!   its first day on, should that be later): to judge history by it, approve it with the `now` of that time.
//! - [`rules::preview`]: a draft on a sample purchase; [`rules::simulate`]: changes of rules on past purchases, as a
//!   stream, and the queue of those asked for.
//! - [`enrolments`]: `enrol`, `enrol_many`, `leave`, `state`.
//! - [`standing`]: `account`, `freeze`, `unfreeze`; [`donations::donate`]; [`merging`]: `merge`, `survivor`.
//! - [`adjustments`]: `propose`, `approve`, `decline`, `list`, `one`.
//! - [`tiers`]: `draft`, `approve`, `in_force`, `drafted`, `of_member`; the nightly job `lower` (call until 0).
//! - [`posting`]: `known` (identity, before card or code), `post` (inside the caller's transaction, at most
//!   [`posting::BATCH_MAX`]; a batch that fails as a whole is run again one by one), `quote` (writes nothing).
//! - [`purchases`]: `purchase`, `purchase_by_receipt`, scoped by partner where asked. A replay shows
//!   `cashback.given`, a refund's answer `cashback.left`.
//! - [`refunds::refund`], [`two_step::capture`], [`two_step::void`]: inside the caller's transaction.
//! - [`explanation::explanation`] as data, [`texts::sentences`] in words; [`operations::operations`] and
//!   [`balances::balance`] for the member.
//! - [`ledger::read`]: `accounts`, `trial_balance`, `member_balance`, `postings` (account names `kind:owner`);
//!   [`ledger::audit`]: `verify`, `verify_since`; [`ledger::closing::close_day`] (call until `None`).
//! - [`jobs`]: `release_holds`, `pay_debts`, `expire`, `void_authorizations` (call until 0), `ensure_partitions`.
//! - [`fraud`]: `settings` (thresholds), `cases` (the queue and its decisions).
//! - [`reconciliation`]: `create_register`, `pending_rows`, `post_rows`, `finish`; `register`, `registers`, `rows`,
//!   `stream_rows`, `fail`.
//!
//! # Where money.md is silent
//! - `least_amount`, steps and rungs look at the eligible amount, so that they can be judged anew on what a refund
//!   leaves.
//! - The day of the week and the hour of a purchase are judged apart: an offer of Fridays from 22:00 to 06:00 holds from
//!   Friday 00:00 to 06:00 and from 22:00 to 24:00.
//! - A version that follows another takes over on its first day, where that lies ahead; until then the one before goes
//!   on, so that a change can be scheduled without a gap. After its last day nothing comes back.
//! - What was given by a version without a cap counts towards the caps of the rule's other versions.
//! - A grant that a cap of any kind trims makes the purchase say `cap_reached`; one trimmed since rules together never give
//!   more than was paid, `paid_reached`.
//! - Rules with different holds or lives give a lot each; a purchase shows the latest `available_at` and the earliest
//!   `expires_on`.
//! - A redeemed part that returns goes first to the lot that was spent last: what expires first stays spent.
//! - A register row's category is taken as the purchase's one line. Where either side of a comparison came by register,
//!   member and amount alone are the content.
//! - A captured purchase keeps the rules that applied when it was authorised; only their cap room is taken anew. What
//!   a capture for less gives back of the redemption was held until then: past its date it lives 30 more days, as when
//!   all of it is given up.
//! - What the fraud watch holds back stays `pending`: it is neither released nor expires until somebody decides. A lot
//!   released past its last day lives 30 days more; cashback taken back leaves the commission and the redemption.
//! - The fraud watch's per-card limits count the card that was shown, by the programme's day of `occurred_at`.
//! - Who took part at the purchase's own moment earns, whoever left since, and nobody with what was bought before the
//!   offer was accepted; what happened within the last quarter of an hour is judged by the present, and so is history
//!   from an older system. So is who may claim a receipt. Of two merged members either's word counts. Tiers are judged as they are when a purchase is
//!   posted.
//! - Frozen and leaving are two things: who leaves while frozen earns nothing either, and joining again unfreezes
//!   nobody. What goes past its date while its owner is frozen is given 30 more days at the end of the freeze.
//! - What a correction gives into `available` can be spent at once, what it gives into `pending` is held for 14 days;
//!   both live for 12 months unless said. Corrections pay and are paid by debt like anything else.
//! - Two merged members stand as the later word of the two says, and frozen when either was. Purchases, redemptions,
//!   used caps and what leads to a tier become the survivor's; postings stay under the name they were booked by.
//! - Tiers: see [`tiers`].
//! - A day is the programme's. A posting is of the day its transaction began; should that day be closed before it is
//!   written, it begins anew on the next. Only days that are over now are closed, whatever a job is asked as of.
//! - Balances at an instant are as booked by then: a lot past its last day counts until it was booked as expired.
//! - A refund in a register whose sale nobody knows is `only_theirs` and waits, for as long as it takes; with the sale
//!   it becomes `posted`, or `rejected` with the reason it would have had. Of the same row in two files the first is
//!   posted and the second matched. A sale that is only authorised can't be refunded: the refund waits for its capture
//!   when it came before, and is rejected when it comes after.
//! - A grant is judged against the room there was when it was posted, in the order of posting. Members who were merged
//!   have the used room of both: above a cap is no finding there.
//! - Lots past their last day are empty once an expiry has finished, but those that only later came to be spendable.
//! - A release that runs late pays debt as of the day each lot became available, in the order of those days.
//! - The zone is set before anything is booked, and never after: what was judged by days can't be judged by others.
//! - Cashback of a purchase long past is available at once; past its date it expires with the next nightly job.
#![deny(clippy::float_arithmetic)]

pub mod adjustments;
pub mod balances;
pub mod claims;
pub mod days;
pub mod donations;
pub mod enrolments;
pub mod error;
pub mod explanation;
pub mod fraud;
pub mod ids;
pub mod jobs;
pub mod ledger;
mod lots;
pub mod merging;
pub mod operations;
pub mod partners;
pub mod posting;
pub mod programme;
pub mod purchases;
pub mod reconciliation;
pub mod refunds;
pub mod rules;
#[allow(missing_docs, reason = "generated")]
pub mod schema;
pub mod standing;
mod statement;
pub mod texts;
pub mod tiers;
pub mod two_step;

pub use error::{EngineError, Invalid};
pub use ids::{PartnerId, PostingId, PurchaseId, RegisterId, RuleId};
