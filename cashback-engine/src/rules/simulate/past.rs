//! What was posted of past purchases as a stream, in the order of posting, and what was used of caps before them.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::text_enum;

use super::plan::Plan;
use crate::ids::{PostingId, PurchaseId, RuleId};
use crate::posting::Line;
use crate::posting::world::{BudgetUse, CapKey, Usage, World};
use crate::purchases::{CashbackReason, PurchaseRecord};
use crate::refunds::Returned;
use crate::refunds::replay::{Left, lefts};
use crate::rules::terms::CapPeriod;
use crate::rules::usage::GRANTS;
use crate::schema::ledger::{balances, postings, purchases, refunds};
use crate::statement::statement;
use crate::two_step::left_out;

/// A purchase as far as rules ask.
#[derive(Debug, Clone)]
pub(super) struct PastPurchase {
    pub id: PurchaseId,
    pub member: MemberId,
    pub outlet: i32,
    pub occurred_at: DateTime<Utc>,
    pub amount: Money,
    pub redeemed: Money,
    /// What refunds left of the cashback that was posted.
    pub cashback_left: Money,
    pub lines: Option<Vec<Line>>,
    /// What came back of it, in the order of posting.
    pub reductions: Vec<Reduction>,
    /// Why there was no cashback, or less.
    pub reason: Option<CashbackReason>,
}

/// Where a posting stands in the order of posting. Those without a place are the oldest, in the order of their
/// identifiers.
pub(super) type Placed = (Option<i64>, PostingId);

/// Something that came back of a purchase.
#[derive(Debug, Clone)]
pub(super) struct Reduction {
    /// The refund's posting; `None` for what a capture left out.
    pub refund: Option<Placed>,
    pub left: Left,
}

text_enum! {
    /// What a posting did for its purchase.
    Step {
        /// Posted it in one step.
        Purchase => "purchase",
        /// Announced what its rules would give.
        Authorise => "authorise",
        /// Posted what was announced, as far as there was room.
        Capture => "capture",
    }
}

/// A posting of a past purchase.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub placed: Placed,
    pub step: Step,
    pub purchase: PastPurchase,
}

statement! {
    /// Purchases as far as rules ask.
    Purchases { ids: Vec<PurchaseId> => Array<SqlUuid> }
        -> (SqlUuid, SqlUuid, Integer, Timestamptz, BigInt, BigInt, BigInt, Nullable<Jsonb>, Bool, Nullable<Text>),
    "SELECT id, member_id, outlet_id, occurred_at, amount, redeemed, cashback_left, lines, kept IS NOT NULL,
        terms ->> 'w'
     FROM ledger.purchases WHERE id = ANY(?)"
}

statement! {
    /// How many purchases of the period were posted: what isn't posted earns nothing.
    CountPurchases {
        after: Uuid => SqlUuid,
        from: DateTime<Utc> => Timestamptz,
        until: DateTime<Utc> => Timestamptz,
        everybody: bool => Bool,
        outlets: Vec<i32> => Array<Integer>,
    } -> (BigInt,),
    "SELECT count(*) FROM ledger.purchases
     WHERE id > ? AND occurred_at >= ? AND occurred_at < ? AND (? OR outlet_id = ANY(?))
        AND status NOT IN ('authorized', 'voided')"
}

type Row = (
    PurchaseId,
    MemberId,
    i32,
    DateTime<Utc>,
    Money,
    Money,
    Money,
    Option<serde_json::Value>,
    bool,
    Option<CashbackReason>,
);

pub(super) fn count(connection: &mut PgConnection, plan: &Plan) -> QueryResult<i64> {
    let rows: Vec<(i64,)> = CountPurchases {
        after: plan.least_id.0,
        from: plan.span.0,
        until: plan.span.1,
        everybody: plan.outlets.is_none(),
        outlets: plan.outlets.clone().unwrap_or_default(),
    }
    .load(connection)?;
    Ok(rows.first().map_or(0, |(count,)| *count))
}

/// The postings of the period's purchases in the order of posting. It is found once and held by the database, so that
/// memory doesn't grow with purchases here.
pub(super) struct Sequence;

/// A purchase whose posting is missing, which `verify` tells, comes first rather than not at all.
const OPEN: &str = "
DECLARE simulated_postings NO SCROLL CURSOR WITH HOLD FOR
WITH bought AS NOT MATERIALIZED (
    SELECT id, captured FROM ledger.purchases
    WHERE id > $1 AND occurred_at >= $2 AND occurred_at < $3 AND ($4 OR outlet_id = ANY($5))
        AND status NOT IN ('authorized', 'voided')
)
SELECT g.place, b.id AS posting_id, b.id AS purchase_id, 'purchase' AS step
FROM bought AS b LEFT JOIN ledger.postings AS g ON g.id = b.id WHERE b.captured
UNION ALL
SELECT g.place, g.id, b.id, g.kind
FROM bought AS b JOIN ledger.postings AS g ON g.purchase_id = b.id
    AND g.kind <> 'purchase' AND g.kind IN ('authorise', 'capture')
WHERE NOT b.captured
ORDER BY place NULLS FIRST, posting_id";

#[derive(QueryableByName)]
struct NextPosting {
    #[diesel(sql_type = Nullable<BigInt>)]
    place: Option<i64>,
    #[diesel(sql_type = SqlUuid)]
    posting_id: PostingId,
    #[diesel(sql_type = SqlUuid)]
    purchase_id: PurchaseId,
    #[diesel(sql_type = Text)]
    step: Step,
}

impl Sequence {
    pub(super) fn open(connection: &mut PgConnection, plan: &Plan) -> QueryResult<Self> {
        diesel::sql_query(OPEN)
            .bind::<SqlUuid, _>(plan.least_id)
            .bind::<Timestamptz, _>(plan.span.0)
            .bind::<Timestamptz, _>(plan.span.1)
            .bind::<Bool, _>(plan.outlets.is_none())
            .bind::<Array<Integer>, _>(plan.outlets.clone().unwrap_or_default())
            .execute(connection)?;
        Ok(Self)
    }

    /// The next postings with their purchases; empty after the last.
    pub(super) fn next(&mut self, connection: &mut PgConnection, limit: usize) -> QueryResult<Vec<Event>> {
        let postings: Vec<NextPosting> =
            diesel::sql_query(format!("FETCH {limit} FROM simulated_postings")).load(connection)?;
        let ids: Vec<PurchaseId> = postings.iter().map(|posting| posting.purchase_id).collect();
        let mut purchases = purchases(connection, ids)?;
        Ok(postings
            .into_iter()
            .filter_map(|NextPosting { place, posting_id, purchase_id, step }| {
                // Its capture may be among these too.
                let purchase = match step {
                    Step::Authorise => purchases.get(&purchase_id).cloned(),
                    Step::Purchase | Step::Capture => purchases.remove(&purchase_id),
                };
                Some(Event { placed: (place, posting_id), step, purchase: purchase? })
            })
            .collect())
    }

    pub(super) fn close(self, connection: &mut PgConnection) -> QueryResult<()> {
        connection.batch_execute("CLOSE simulated_postings")
    }
}

fn purchases(
    connection: &mut PgConnection,
    ids: Vec<PurchaseId>,
) -> QueryResult<HashMap<PurchaseId, PastPurchase>> {
    let rows: Vec<Row> = Purchases { ids }.load(connection)?;
    let reduced: Vec<PurchaseId> = rows.iter().filter(|row| row.8).map(|row| row.0).collect();
    let mut reductions = reductions(connection, &reduced)?;
    rows.into_iter().map(|row| Ok((row.0, past(row, &mut reductions)?))).collect()
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(Box::new(error))
}

fn past(row: Row, reductions: &mut HashMap<PurchaseId, Vec<Reduction>>) -> QueryResult<PastPurchase> {
    Ok(PastPurchase {
        id: row.0,
        member: row.1,
        outlet: row.2,
        occurred_at: row.3,
        amount: row.4,
        redeemed: row.5,
        cashback_left: row.6,
        lines: row.7.map(serde_json::from_value).transpose().map_err(unreadable)?,
        reductions: reductions.remove(&row.0).unwrap_or_default(),
        reason: row.9,
    })
}

/// What came back of these purchases, by the functions that took it back.
fn reductions(
    connection: &mut PgConnection,
    of: &[PurchaseId],
) -> QueryResult<HashMap<PurchaseId, Vec<Reduction>>> {
    if of.is_empty() {
        return Ok(HashMap::new());
    }
    let records: Vec<PurchaseRecord> = purchases::table
        .filter(purchases::id.eq_any(of))
        .select(PurchaseRecord::as_select())
        .load(connection)?;
    // As they were posted: identifiers carry only the time a transaction began. Those without a place are the oldest.
    type Row = (PurchaseId, Option<i64>, PostingId, Money, Option<serde_json::Value>);
    let rows: Vec<Row> = refunds::table
        .inner_join(postings::table.on(postings::id.eq(refunds::posting_id)))
        .filter(refunds::purchase_id.eq_any(of))
        .order((postings::place.asc().nulls_first(), postings::id))
        .select((refunds::purchase_id, postings::place, refunds::posting_id, refunds::amount, refunds::lines))
        .load(connection)?;
    let mut whats: HashMap<PurchaseId, (Vec<Placed>, Vec<Returned>)> = HashMap::new();
    for (purchase, place, posting, amount, lines) in rows {
        let lines: Option<Vec<Line>> = lines.map(serde_json::from_value).transpose().map_err(unreadable)?;
        let (postings, returned) = whats.entry(purchase).or_default();
        postings.push((place, posting));
        returned.push(lines.map_or(Returned::Amount(amount), Returned::Lines));
    }
    let mut found = HashMap::with_capacity(records.len());
    for record in records {
        let (postings, returned) = whats.remove(&record.id).unwrap_or_default();
        let left_out = left_out(&record).map_err(unreadable)?;
        let first = left_out.as_ref().map(|_| None);
        let refunds = first.into_iter().chain(postings.into_iter().map(Some));
        let lefts = lefts(&record, left_out, &returned).map_err(unreadable)?;
        let steps = refunds.zip(lefts).map(|(refund, left)| Reduction { refund, left });
        found.insert(record.id, steps.collect());
    }
    Ok(found)
}

/// What was used of members' caps and of budgets before the period: what is used now, less what the purchases since its
/// first day have of it.
pub(super) fn used_before(connection: &mut PgConnection, plan: &Plan) -> QueryResult<World> {
    let mut world = World::default();
    let since = format!(
        "SELECT rule_id, member_id, occurred_at, kept FROM ({GRANTS} AND p.id > $1) AS given WHERE occurred_at >= $2"
    );
    let budgets: Vec<Budget> = diesel::sql_query(format!(
        "SELECT b.rule_id, (b.used - coalesce(sum(g.kept), 0))::bigint AS used
         FROM ledger.budget_usage AS b LEFT JOIN ({since}) AS g USING (rule_id) GROUP BY b.rule_id, b.used"
    ))
    .bind::<SqlUuid, _>(plan.least_id)
    .bind::<Timestamptz, _>(plan.span.0)
    .load(connection)?;
    world.budgets.extend(
        budgets.into_iter().map(|row| (row.rule_id, BudgetUse::of(Money::from_kopecks(row.used.max(0))))),
    );
    for span in [CapPeriod::Month, CapPeriod::Year] {
        let period = span.first_day(plan.from);
        if period == plan.from {
            continue;
        }
        let caps: Vec<Cap> = diesel::sql_query(format!(
            "SELECT c.member_id, c.rule_id, (c.used - coalesce(g.kept, 0))::bigint AS used
             FROM ledger.cap_usage AS c LEFT JOIN (
                SELECT rule_id, member_id, sum(kept) AS kept FROM ({since}) AS since
                WHERE (occurred_at AT TIME ZONE $3)::date < ($4::date + ('1 ' || $5)::interval) GROUP BY 1, 2
             ) AS g USING (rule_id, member_id)
             WHERE c.span = $5 AND c.period = $4 AND c.used > coalesce(g.kept, 0)"
        ))
        .bind::<SqlUuid, _>(plan.least_id)
        .bind::<Timestamptz, _>(plan.span.0)
        .bind::<Text, _>(plan.book.zone.name())
        .bind::<Date, _>(period)
        .bind::<Text, _>(span)
        .load(connection)?;
        let key = |row: &Cap| CapKey { member: row.member_id, rule: row.rule_id, span, period };
        world.caps.extend(caps.iter().map(|row| (key(row), used(row.used))));
    }
    Ok(world)
}

fn used(kopecks: i64) -> Usage {
    Usage { used: Money::from_kopecks(kopecks), changed: false }
}

#[derive(QueryableByName)]
struct Budget {
    #[diesel(sql_type = SqlUuid)]
    rule_id: RuleId,
    #[diesel(sql_type = BigInt)]
    used: i64,
}

#[derive(QueryableByName)]
struct Cap {
    #[diesel(sql_type = SqlUuid)]
    member_id: MemberId,
    #[diesel(sql_type = SqlUuid)]
    rule_id: RuleId,
    #[diesel(sql_type = BigInt)]
    used: i64,
}

/// The tier of each member, in the order asked.
pub(super) fn tiers(
    connection: &mut PgConnection,
    asked: &[(MemberId, DateTime<Utc>)],
) -> QueryResult<Vec<Option<String>>> {
    let members: Vec<MemberId> = asked.iter().map(|(member, _)| *member).collect();
    let rows: Vec<(MemberId, Option<String>)> = balances::table
        .filter(balances::member_id.eq_any(members))
        .select((balances::member_id, balances::tier))
        .load(connection)?;
    let tiers: HashMap<MemberId, Option<String>> = rows.into_iter().collect();
    Ok(asked.iter().map(|(member, _)| tiers.get(member).cloned().flatten()).collect())
}

/// The first day of the stretch of days or months a date is counted to.
pub(super) fn bucket(date: NaiveDate, by_month: bool) -> NaiveDate {
    if by_month { CapPeriod::Month.first_day(date) } else { date }
}
