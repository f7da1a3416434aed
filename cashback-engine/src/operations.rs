//! What happened to a member's points, newest first by when it happened: a purchase that came in late stands in its
//! place, not where it was booked.
//!
//! An operation is a posting as the member sees it; a purchase partly paid with points is two: what it brought, and
//! what was spent (whose identifier is the posting's with the last bit set: postings made here are even). A purchase in
//! two steps is told like any other: what was reserved reads as spent once it is captured, and what a capture for less
//! left out is no refund but less spent and less brought. A reservation without points is nothing to a member.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::paging::{Limit, Page};
use shared_kernel::text_enum;

use crate::explanation::{Explanation, explain};
use crate::ids::{PostingId, PurchaseId};
use crate::ledger::account::Account;
use crate::merging::names_of;
use crate::posting::PostingKind;
use crate::posting::read::{Lock, purchases_by_id};
use crate::posting::world::World;
use crate::purchases::{CashbackStatus, last_days, shown, waiting};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::{adjustments, postings, transfers};

text_enum! {
    /// What happened.
    OperationKind {
        /// A purchase brought cashback (perhaps 0.00).
        Purchase => "purchase",
        /// Points were spent.
        Redemption => "redemption",
        /// Points were reserved for a purchase that is not captured yet, or was given up.
        Authorise => "authorise",
        /// Reserved points came back.
        Void => "void",
        /// A refund.
        Refund => "refund",
        /// Cashback can be spent from now on; the amount was counted before.
        Release => "release",
        /// Cashback expired.
        Expiry => "expiry",
        /// Debt was paid out of what is available.
        Debt => "debt",
        /// A correction.
        Adjustment => "adjustment",
        /// Cashback was taken back after a check.
        Clawback => "clawback",
        /// Debt that was forgiven.
        WriteOff => "write_off",
        /// Given to the aid fund.
        Donation => "donation",
        /// Another record of the same person was joined with this one.
        Merge => "merge",
    }
}

/// The key of pages: when it happened, then which.
pub type OperationKey = (DateTime<Utc>, Uuid);

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The identifier.
    pub id: Uuid,
    /// What happened.
    pub kind: OperationKind,
    /// How much, signed from the member's view.
    pub amount: Money,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The partner's code and name.
    pub partner: Option<(String, String)>,
    /// The purchase it is about.
    pub purchase: Option<PurchaseId>,
    /// How the purchase's cashback stands.
    pub status: Option<CashbackStatus>,
    /// From when the cashback can be spent.
    pub available_at: Option<DateTime<Utc>>,
    /// Its last day.
    pub expires_on: Option<NaiveDate>,
    /// Why, for purchases.
    pub explanation: Option<Explanation>,
    /// Why, for corrections: what finance wrote.
    pub reason: Option<String>,
}

#[derive(Debug, Queryable)]
struct PostingRow {
    id: PostingId,
    kind: PostingKind,
    purchase_id: Option<PurchaseId>,
    occurred_at: DateTime<Utc>,
}

/// A page of a member's operations, newest first.
///
/// # Errors
/// The database's.
pub fn operations(
    connection: &mut PgConnection,
    books: &BookCache,
    member: MemberId,
    after: Option<OperationKey>,
    limit: Limit,
) -> QueryResult<Page<Operation, OperationKey>> {
    let book = books.current(connection)?;
    // What was booked under another record of the same person is theirs, too.
    let names = names_of(connection, member)?;
    let mut query = postings::table
        .filter(postings::member_id.eq_any(names.clone()))
        .filter(sql::<Bool>(SHOWN))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(
            sql::<Bool>("(occurred_at, id) <= (")
                .bind::<Timestamptz, _>(after.0)
                .sql(", ")
                .bind::<SqlUuid, _>(after.1)
                .sql(")"),
        );
    }
    // One more than with look-ahead: the first may have been shown already.
    let rows: Vec<PostingRow> = query
        .order((postings::occurred_at.desc(), postings::id.desc()))
        .limit(limit.with_lookahead() + 1)
        .select((postings::id, postings::kind, postings::purchase_id, postings::occurred_at))
        .load(connection)?;
    let reasons = reasons(connection, &rows)?;
    let mut world = World::default();
    let purchases: Vec<PurchaseId> =
        rows.iter().filter_map(|row| row.purchase_id).collect::<HashSet<_>>().into_iter().collect();
    purchases_by_id(connection, &mut world, &purchases, Lock::Look)?;
    let left_out = left_out(connection, &world)?;
    let sums = Sums::of(connection, &names, &rows, left_out)?;
    let of: Vec<(MemberId, PurchaseId)> = purchases.iter().map(|id| (member, *id)).collect();
    let waiting = waiting(connection, &of)?;
    let last_days = last_days(connection, &of)?;
    let mut operations = Vec::new();
    for row in &rows {
        for operation in sums.operations(row, &world) {
            if after.is_none_or(|after| (row.occurred_at, operation.id) < after) {
                let mut operation = described(operation, row, &book, &world, &waiting);
                operation.reason = reasons.get(&row.id).cloned();
                let lives_on = operation.purchase.and_then(|purchase| last_days.get(&purchase).copied());
                operation.expires_on = lives_on.or(operation.expires_on);
                operations.push(operation);
            }
        }
    }
    Ok(Page::from_lookahead(operations, limit, |operation| (operation.at, operation.id)))
}

/// Which postings are operations of their own: none that reserved or gave up nothing, nor the refund by which a capture
/// for less left out the rest, which is the first refund of such a purchase.
const SHOWN: &str = "(CASE
    WHEN kind IN ('authorise', 'void') THEN
        (SELECT t.ordinal FROM ledger.transfers AS t WHERE t.posting_id = postings.id LIMIT 1) IS NOT NULL
    WHEN kind = 'refund' THEN
        (SELECT b.id FROM ledger.purchases AS b
            WHERE b.id = postings.purchase_id AND jsonb_exists(b.kept, 'c')) IS NULL
        OR (SELECT f.id FROM ledger.postings AS f WHERE f.purchase_id = postings.purchase_id
            AND f.kind = 'refund' AND f.place < postings.place LIMIT 1) IS NOT NULL
    ELSE true END)";

/// The postings by which captures for less left out the rest, by purchase.
fn left_out(connection: &mut PgConnection, world: &World) -> QueryResult<HashMap<PurchaseId, PostingId>> {
    let records = world.purchases.values().map(|kept| &kept.record);
    let ids: Vec<PurchaseId> =
        records.filter(|record| record.captured_part().is_some()).map(|record| record.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(Option<PurchaseId>, PostingId)> = postings::table
        .filter(postings::purchase_id.eq_any(ids).and(postings::kind.eq(PostingKind::Refund)))
        .distinct_on(postings::purchase_id)
        .order((postings::purchase_id, postings::place))
        .select((postings::purchase_id, postings::id))
        .load(connection)?;
    Ok(found.into_iter().filter_map(|(purchase, id)| Some((purchase?, id))).collect())
}

/// What finance wrote of corrections.
fn reasons(connection: &mut PgConnection, rows: &[PostingRow]) -> QueryResult<HashMap<PostingId, String>> {
    let corrections =
        rows.iter().filter(|row| matches!(row.kind, PostingKind::Adjustment | PostingKind::WriteOff));
    let ids: Vec<PostingId> = corrections.map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(Option<PostingId>, String)> = adjustments::table
        .filter(adjustments::posting_id.eq_any(ids))
        .select((adjustments::posting_id, adjustments::reason))
        .load(connection)?;
    Ok(found.into_iter().filter_map(|(id, reason)| Some((id?, reason))).collect())
}

/// What a posting moved, from the member's view.
#[derive(Debug, Default, Clone, Copy)]
struct Moved {
    /// Of pending, available and debt together.
    change: Money,
    /// Spent, or reserved to be.
    spent: Money,
    /// Spent before, and back in available.
    returned: Money,
    /// From pending to available.
    released: Money,
    /// From available to debt.
    repaid: Money,
}

struct Sums {
    moved: HashMap<PostingId, Moved>,
    left_out: HashMap<PurchaseId, PostingId>,
}

struct Bare {
    id: Uuid,
    kind: OperationKind,
    amount: Money,
}

impl Sums {
    fn of(
        connection: &mut PgConnection,
        names: &[MemberId],
        rows: &[PostingRow],
        left_out: HashMap<PurchaseId, PostingId>,
    ) -> QueryResult<Self> {
        let ids: Vec<PostingId> = rows.iter().map(|row| row.id).chain(left_out.values().copied()).collect();
        let moves: Vec<(PostingId, Account, Account, Money)> = transfers::table
            .filter(transfers::posting_id.eq_any(ids).and(transfers::member_id.eq_any(names)))
            .select((transfers::posting_id, transfers::debit, transfers::credit, transfers::amount))
            .load(connection)?;
        let mut sums: HashMap<PostingId, Moved> = HashMap::new();
        for (posting, debit, credit, amount) in moves {
            let moved = sums.entry(posting).or_default();
            let counts = |account: Account| account.is_members() && account != Account::RESERVED;
            if counts(credit) {
                moved.change += amount;
            }
            if counts(debit) {
                moved.change -= amount;
            }
            match (debit, credit) {
                (Account::PENDING, Account::AVAILABLE) => moved.released += amount,
                (Account::AVAILABLE, Account::DEBT) => moved.repaid += amount,
                (Account::AVAILABLE, Account::BREAKAGE) => {}
                (Account::AVAILABLE, to) if !to.is_members() || to == Account::RESERVED => {
                    moved.spent += amount;
                }
                (from, Account::AVAILABLE) if !from.is_members() => {
                    moved.returned += amount;
                }
                _ => {}
            }
        }
        Ok(Self { moved: sums, left_out })
    }

    fn moved(&self, posting: PostingId) -> Moved {
        self.moved.get(&posting).copied().unwrap_or_default()
    }

    /// Newest first, so the spent part (the higher identifier) before what was earned.
    fn operations(&self, row: &PostingRow, world: &World) -> Vec<Bare> {
        let moved = self.moved(row.id);
        let purchase = row.purchase_id.and_then(|id| world.purchases.get(&id));
        let captured = purchase.is_some_and(|kept| kept.record.status.is_posted());
        // What a capture for less left out: points that came back, and cashback that never was.
        let rest = row.purchase_id.and_then(|id| self.left_out.get(&id)).map(|id| self.moved(*id));
        let rest = rest.unwrap_or_default();
        let one = |kind, amount| vec![Bare { id: row.id.0, kind, amount }];
        match row.kind {
            PostingKind::Purchase => {
                let earned =
                    Bare { id: row.id.0, kind: OperationKind::Purchase, amount: moved.change + moved.spent };
                let spent = Bare {
                    id: Uuid::from_u128(row.id.0.as_u128() | 1),
                    kind: OperationKind::Redemption,
                    amount: -moved.spent,
                };
                if moved.spent.is_zero() { vec![earned] } else { vec![spent, earned] }
            }
            PostingKind::Authorise if captured => {
                one(OperationKind::Redemption, moved.change + rest.returned)
            }
            PostingKind::Authorise => one(OperationKind::Authorise, moved.change),
            PostingKind::Capture => one(OperationKind::Purchase, moved.change + rest.change - rest.returned),
            PostingKind::Void => one(OperationKind::Void, moved.change),
            PostingKind::Refund => one(OperationKind::Refund, moved.change),
            PostingKind::Release => one(OperationKind::Release, moved.released),
            PostingKind::Expire => one(OperationKind::Expiry, moved.change),
            PostingKind::DebtRepaid => one(OperationKind::Debt, -moved.repaid),
            PostingKind::Adjustment => one(OperationKind::Adjustment, moved.change),
            PostingKind::Clawback => one(OperationKind::Clawback, moved.change),
            PostingKind::WriteOff => one(OperationKind::WriteOff, moved.change),
            PostingKind::Donation => one(OperationKind::Donation, moved.change),
            PostingKind::Merge => one(OperationKind::Merge, moved.change),
        }
    }
}

fn described(
    bare: Bare,
    row: &PostingRow,
    book: &Book,
    world: &World,
    waiting: &HashSet<PurchaseId>,
) -> Operation {
    let record = row.purchase_id.and_then(|id| world.purchases.get(&id)).map(|kept| &kept.record);
    let purchase = record.map(|record| shown(record, book, waiting.contains(&record.id)));
    let partner = purchase.as_ref().and_then(|purchase| book.partner(purchase.partner));
    let cashback = purchase.as_ref().map(|purchase| &purchase.cashback);
    Operation {
        id: bare.id,
        kind: bare.kind,
        amount: bare.amount,
        at: row.occurred_at,
        partner: partner.map(|partner| (partner.code.clone(), partner.name.clone())),
        purchase: record.map(|record| record.id),
        status: cashback.map(|cashback| cashback.status),
        available_at: cashback.and_then(|cashback| cashback.available_at),
        expires_on: cashback.and_then(|cashback| cashback.expires_on),
        explanation: record.map(|record| explain(record, book)),
        reason: None,
    }
}
