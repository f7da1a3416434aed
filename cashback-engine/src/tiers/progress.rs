//! What members have towards a tier, by month of purchase: kept beside postings while tiers are set, reckoned anew when
//! settings are approved.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Text, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use super::terms::{Measure, Progress, TierTerms, month_of};
use crate::days::date_in;
use crate::ids::PurchaseId;
use crate::posting::world::World;
use crate::purchases::PurchaseRecord;
use crate::rules::Book;
use crate::statement::statement;

statement! {
    /// What members have in two periods, by one measure. The members' rows are locked, nobody else changes it.
    ReadProgress {
        by_cashback: bool => Bool, first: NaiveDate => Date, last: NaiveDate => Date,
        by_cashback_too: bool => Bool, ended_first: NaiveDate => Date, ended_last: NaiveDate => Date,
        members: Vec<MemberId> => Array<SqlUuid>, from: NaiveDate => Date,
    } -> (SqlUuid, BigInt, BigInt),
    "SELECT member_id,
        coalesce(sum(CASE WHEN ? THEN cashback ELSE purchases END) FILTER (WHERE month BETWEEN ? AND ?), 0)::bigint,
        coalesce(sum(CASE WHEN ? THEN cashback ELSE purchases END) FILTER (WHERE month BETWEEN ? AND ?), 0)::bigint
     FROM ledger.tier_progress WHERE member_id = ANY(?) AND month >= ? GROUP BY member_id"
}

statement! {
    /// Adds to what members have.
    AddProgress {
        members: Vec<MemberId> => Array<SqlUuid>, months: Vec<NaiveDate> => Array<Date>,
        purchases: Vec<i64> => Array<BigInt>, cashback: Vec<i64> => Array<BigInt>,
    },
    "INSERT INTO ledger.tier_progress AS p (member_id, month, purchases, cashback) SELECT * FROM unnest(?, ?, ?, ?)
     ON CONFLICT (member_id, month) DO UPDATE
        SET purchases = p.purchases + excluded.purchases, cashback = p.cashback + excluded.cashback"
}

statement! {
    /// Raises members.
    SetTiers { members: Vec<MemberId> => Array<SqlUuid>, tiers: Vec<String> => Array<Text> },
    "UPDATE ledger.balances AS b SET tier = n.tier FROM unnest(?, ?) AS n (member_id, tier)
     WHERE b.member_id = n.member_id"
}

/// What of a purchase counts: what was bought and what it brought, less what came back. Nothing before it is posted.
pub(crate) fn counted(record: &PurchaseRecord) -> (Money, Money) {
    if record.status.is_posted() {
        (record.amount - record.refunded, record.cashback_left)
    } else {
        (Money::ZERO, Money::ZERO)
    }
}

/// What members have towards a tier, as of a day.
pub(crate) fn read(
    connection: &mut PgConnection,
    terms: &TierTerms,
    members: &HashSet<MemberId>,
    today: NaiveDate,
) -> QueryResult<HashMap<MemberId, Progress>> {
    let (current, ended) = (terms.current(today), terms.ended(today));
    let by_cashback = terms.measure == Measure::Cashback;
    let rows: Vec<(MemberId, Money, Money)> = ReadProgress {
        by_cashback,
        first: current.first,
        last: current.last,
        by_cashback_too: by_cashback,
        ended_first: ended.first,
        ended_last: ended.last,
        members: members.iter().copied().collect(),
        from: ended.first.min(current.first),
    }
    .load(connection)?;
    Ok(rows.into_iter().map(|(member, current, ended)| (member, Progress { current, ended })).collect())
}

impl World {
    /// Raises the buyer at once where what was just posted reaches a tier. Nothing where no tiers are set.
    pub(crate) fn raise(&mut self, book: &Book, record: &PurchaseRecord, now: DateTime<Utc>) {
        let Some(terms) = &book.tiers else { return };
        let (purchases, cashback) = counted(record);
        let value = match terms.measure {
            Measure::Cashback => cashback,
            Measure::Purchases => purchases,
        };
        let month = month_of(date_in(book.zone, record.occurred_at));
        let today = date_in(book.zone, now);
        let member = self.member(record.member_id);
        if terms.current(today).contains(month) {
            member.progress.current += value;
        }
        if terms.ended(today).contains(month) {
            member.progress.ended += value;
        }
        let deserved = terms.deserved(member.progress);
        if terms.is_above(deserved, member.tier.as_deref()) {
            member.tier = deserved.map(str::to_owned);
            member.raised = true;
        }
    }
}

/// The same for a purchase whose posting read nothing of tiers: what its buyer has is read first.
pub(crate) fn raise_buyer(
    connection: &mut PgConnection,
    world: &mut World,
    book: &Book,
    id: PurchaseId,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let record = world.purchases.get(&id).map(|kept| kept.record.clone());
    if let (Some(terms), Some(record)) = (&book.tiers, record) {
        let member = record.member_id;
        let read = read(connection, terms, &HashSet::from([member]), date_in(book.zone, now))?;
        world.member(member).progress = read.get(&member).copied().unwrap_or_default();
        world.raise(book, &record, now);
    }
    Ok(())
}

/// Writes what the purchases in the world add to what their members have, and who was raised.
pub(crate) fn write(connection: &mut PgConnection, world: &World, book: &Book) -> QueryResult<()> {
    if book.tiers.is_none() {
        return Ok(());
    }
    let mut sums: BTreeMap<(MemberId, NaiveDate), (Money, Money)> = BTreeMap::new();
    for kept in world.purchases.values().filter(|kept| kept.fresh || kept.changed) {
        let (purchases, cashback) = counted(&kept.record);
        let before = world.counted.get(&kept.record.id).copied().unwrap_or_default();
        let month = month_of(date_in(book.zone, kept.record.occurred_at));
        let sum = sums.entry((kept.record.member_id, month)).or_default();
        sum.0 += purchases - before.0;
        sum.1 += cashback - before.1;
    }
    let mut added = AddProgress::default();
    for ((member, month), (purchases, cashback)) in sums {
        if !purchases.is_zero() || !cashback.is_zero() {
            added.members.push(member);
            added.months.push(month);
            added.purchases.push(purchases.kopecks());
            added.cashback.push(cashback.kopecks());
        }
    }
    if !added.members.is_empty() {
        added.execute(connection)?;
    }
    let mut raised = SetTiers::default();
    for (id, member) in world.members.iter().filter(|(_, member)| member.raised) {
        raised.members.push(*id);
        raised.tiers.extend(member.tier.clone());
    }
    if !raised.members.is_empty() {
        raised.execute(connection)?;
    }
    Ok(())
}

/// What each posted purchase counts for: `member_id, month, purchases, cashback`, in the programme's zone.
pub(crate) const COUNTED: &str = "SELECT p.member_id,
        date_trunc('month', p.occurred_at AT TIME ZONE (SELECT zone FROM ledger.programme))::date AS month,
        sum(p.amount - p.refunded)::bigint AS purchases, sum(p.cashback_left)::bigint AS cashback
     FROM ledger.purchases AS p WHERE p.status NOT IN ('authorized', 'voided') GROUP BY 1, 2";

/// Reckons everything anew from the purchases themselves. Nothing is posted or refunded meanwhile: what is on its way is
/// waited for, what comes after sees that tiers are set.
pub(crate) fn rebuild(connection: &mut PgConnection) -> QueryResult<()> {
    use diesel::connection::SimpleConnection;
    // In the order in which a purchase takes them; refunds take the second alone.
    connection.batch_execute(
        "LOCK TABLE ledger.receipts IN SHARE MODE; LOCK TABLE ledger.balances IN EXCLUSIVE MODE;
         DELETE FROM ledger.tier_progress",
    )?;
    diesel::sql_query(format!(
        "INSERT INTO ledger.tier_progress (member_id, month, purchases, cashback)
         SELECT member_id, month, purchases, cashback FROM ({COUNTED}) AS counted
         WHERE purchases <> 0 OR cashback <> 0"
    ))
    .execute(connection)?;
    Ok(())
}
