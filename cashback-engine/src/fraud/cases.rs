//! The queue of the fraud watch: purchases that struck a rule, each with its evidence, and what was decided. A member's
//! row is locked first, as posting does.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde_json::{Value, json};
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::outbox::Event;
use shared_kernel::paging::{Limit, Page};
use shared_kernel::text_enum;

use super::watch::NewCase;
use super::{Check, FraudCaseId};
use crate::days::date_in;
use crate::error::EngineError;
use crate::ids::{Mint, PurchaseId};
use crate::ledger::account::Account;
use crate::lots::DAYS_AFTER_HOLD;
use crate::posting::sale::Source;
use crate::posting::world::{PostingKind, World};
use crate::posting::write;
use crate::purchases::{PurchaseRecord, PurchaseStatus};
use crate::refunds::{claw_back, locked};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::fraud_cases;

text_enum! {
    /// How a case stands.
    FraudStatus {
        /// The cashback is held back until somebody decides.
        Held => "held",
        /// Seen, and nothing held.
        Watched => "watched",
        /// Looked at and found fine: the cashback goes on by its dates.
        Released => "released",
        /// Found to be fraud: the cashback went back to its funders.
        Blocked => "blocked",
    }
}

impl FraudStatus {
    /// Whether somebody is still to decide.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Held | Self::Watched)
    }
}

/// A purchase that struck rules.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = fraud_cases)]
pub struct FraudCase {
    /// The identifier.
    pub id: FraudCaseId,
    /// The purchase.
    #[diesel(column_name = purchase_id)]
    pub purchase: PurchaseId,
    /// Whose.
    #[diesel(column_name = member_id)]
    pub member: MemberId,
    /// The card that was shown.
    #[diesel(column_name = card_id)]
    pub card: Option<CardId>,
    /// The outlet's number.
    #[diesel(column_name = outlet_id)]
    pub outlet: i32,
    /// The login or client that posted it.
    pub posted_by: Uuid,
    /// By which way.
    pub source: Source,
    /// What was bought came to this.
    pub amount: Money,
    /// The cashback as it was given.
    pub cashback: Money,
    /// Each rule that struck: `{"rule","seen","limit"}`.
    pub evidence: Value,
    /// How it stands.
    pub status: FraudStatus,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// By whom.
    pub decided_by: Option<Uuid>,
    /// What they wrote.
    pub comment: Option<String>,
    /// Whether the card was blocked with it.
    pub card_blocked: bool,
}

/// What is decided about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Fine: the cashback goes on by its dates, at once where they are over.
    Release,
    /// Not sure: the cashback of a purchase that was only watched is held back.
    Hold,
    /// Fraud: the cashback goes back to its funders.
    Block {
        /// Whether the caller blocks the card too.
        card: bool,
    },
}

/// Who decides, when, and what they write.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What.
    pub verdict: Verdict,
    /// By whom.
    pub by: Uuid,
    /// What they write; kept with the case.
    pub comment: Option<String>,
}

/// Opens the cases of a batch.
pub(crate) fn open(connection: &mut PgConnection, cases: &[NewCase], now: DateTime<Utc>) -> QueryResult<()> {
    if cases.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = cases
        .iter()
        .map(|case| {
            let status = if case.held { FraudStatus::Held } else { FraudStatus::Watched };
            (
                fraud_cases::id.eq(case.id),
                fraud_cases::purchase_id.eq(case.purchase),
                fraud_cases::member_id.eq(case.member),
                fraud_cases::card_id.eq(case.card),
                fraud_cases::outlet_id.eq(case.outlet),
                fraud_cases::posted_by.eq(case.posted_by),
                fraud_cases::source.eq(case.source),
                fraud_cases::amount.eq(case.amount),
                fraud_cases::cashback.eq(case.cashback),
                fraud_cases::evidence.eq(&case.evidence),
                fraud_cases::status.eq(status),
                fraud_cases::opened_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(fraud_cases::table).values(rows).execute(connection)?;
    Ok(())
}

/// Cases, the newest first: of these statuses, or of any where none is named.
///
/// # Errors
/// The database's.
pub fn cases(
    connection: &mut PgConnection,
    statuses: impl IntoIterator<Item = FraudStatus>,
    after: Option<FraudCaseId>,
    limit: Limit,
) -> QueryResult<Page<FraudCase, FraudCaseId>> {
    let mut query = fraud_cases::table.select(FraudCase::as_select()).into_boxed();
    let statuses: Vec<FraudStatus> = statuses.into_iter().collect();
    if !statuses.is_empty() {
        query = query.filter(fraud_cases::status.eq_any(statuses));
    }
    if let Some(after) = after {
        query = query.filter(fraud_cases::id.lt(after));
    }
    let rows = query.order(fraud_cases::id.desc()).limit(limit.with_lookahead()).load(connection)?;
    Ok(Page::from_lookahead(rows, limit, |case| case.id))
}

/// A case.
///
/// # Errors
/// The database's.
pub fn case(connection: &mut PgConnection, id: FraudCaseId) -> QueryResult<Option<FraudCase>> {
    fraud_cases::table.find(id).select(FraudCase::as_select()).first(connection).optional()
}

/// Decides a case within the caller's transaction. The same verdict again answers the case as it is.
///
/// # Errors
/// [`EngineError::Unknown`]; [`EngineError::State`] when it was decided otherwise, or there is nothing to hold.
pub fn decide(
    connection: &mut PgConnection,
    books: &BookCache,
    id: FraudCaseId,
    decision: &Decision,
    now: DateTime<Utc>,
) -> Result<FraudCase, EngineError> {
    let found = case(connection, id)?.ok_or(EngineError::Unknown("the case"))?;
    let (book, mut world) = locked(connection, books, &HashSet::from([found.purchase]))?;
    let found: FraudCase =
        fraud_cases::table.find(id).select(FraudCase::as_select()).for_update().first(connection)?;
    let to = match decision.verdict {
        Verdict::Release => FraudStatus::Released,
        Verdict::Hold => FraudStatus::Held,
        Verdict::Block { .. } => FraudStatus::Blocked,
    };
    if found.status == to {
        return Ok(found);
    }
    if !found.status.is_open() {
        return Err(EngineError::State("the case is decided"));
    }
    let record = world.purchases.get(&found.purchase).map(|kept| kept.record.clone());
    let record = record.ok_or(EngineError::Unknown("the purchase"))?;
    let mut bench = Bench { world: &mut world, book: &book, record, mint: Mint::at(now), now };
    match decision.verdict {
        Verdict::Release if found.status == FraudStatus::Held => bench.release(),
        Verdict::Release => {}
        Verdict::Hold => bench.hold()?,
        Verdict::Block { .. } => bench.block(),
    }
    write::write(connection, &world, &book, now)?;
    Ok(diesel::update(fraud_cases::table.find(id))
        .set((
            fraud_cases::status.eq(to),
            fraud_cases::decided_at.eq(now),
            fraud_cases::decided_by.eq(decision.by),
            fraud_cases::comment.eq(&decision.comment),
            fraud_cases::card_blocked.eq(matches!(decision.verdict, Verdict::Block { card: true })),
        ))
        .returning(FraudCase::as_returning())
        .get_result(connection)?)
}

/// A purchase on the bench of whoever decides.
struct Bench<'a> {
    world: &'a mut World,
    book: &'a Arc<Book>,
    record: PurchaseRecord,
    mint: Mint,
    now: DateTime<Utc>,
}

impl Bench<'_> {
    /// The cashback goes on by its dates; what is over its hold is released at once. A lot whose last day passed while it
    /// was held is given 30 more days.
    fn release(&mut self) {
        let (today, now) = (date_in(self.book.zone, self.now), self.now);
        let mut due = Money::ZERO;
        for lot in self.world.member(self.record.member_id).lots.of(self.record.id) {
            if !lot.held {
                continue;
            }
            lot.held = false;
            if lot.is_past(today) {
                lot.expires_on = today.checked_add_days(Days::new(DAYS_AFTER_HOLD));
            }
            if lot.available_at <= now {
                lot.released = true;
                due += lot.remaining;
            }
            lot.change();
        }
        if due.is_positive() {
            let (member, purchase) = (self.record.member_id, self.record.id);
            self.world.open(self.mint.next(), PostingKind::Release, member, Some(purchase), now);
            self.world.transfer(Account::PENDING, Account::AVAILABLE, due);
            self.world.settle_debt(member, today);
        }
        self.keep(Check::Released);
    }

    /// Holds back what is not released yet.
    fn hold(&mut self) -> Result<(), EngineError> {
        let mut held = self.record.status == PurchaseStatus::Authorized;
        for lot in self.world.member(self.record.member_id).lots.of(self.record.id) {
            if !lot.released && lot.remaining.is_positive() {
                lot.held = true;
                lot.change();
                held = true;
            }
        }
        if !held {
            return Err(EngineError::State("there is no pending cashback left to hold"));
        }
        self.keep(Check::Held);
        Ok(())
    }

    /// Takes the cashback back: what was earned so far goes to its funders in a posting of its own, and what an
    /// authorised purchase announced never comes.
    fn block(&mut self) {
        if self.record.status.is_posted() && self.record.cashback_left.is_positive() {
            let (member, purchase) = (self.record.member_id, self.record.id);
            self.world.open(self.mint.next(), PostingKind::Clawback, member, Some(purchase), self.now);
            claw_back(self.world, self.book, &self.record, self.now);
        }
        for lot in self.world.member(self.record.member_id).lots.of(self.record.id) {
            lot.held = false;
            lot.change();
        }
        self.keep(Check::Blocked);
    }

    /// Notes the outcome with the purchase, and tells it.
    fn keep(&mut self, check: Check) {
        let Some(kept) = self.world.purchase(self.record.id) else { return };
        kept.record.judgement.check = Some(check);
        kept.changed = true;
        self.world.events.push(Event {
            kind: "purchase.checked".to_owned(),
            member_id: Some(self.record.member_id),
            payload: json!({
                "purchase_id": self.record.id,
                "check": check,
                "cashback": self.record.cashback_left,
            }),
            occurred_at: self.now,
        });
    }
}
