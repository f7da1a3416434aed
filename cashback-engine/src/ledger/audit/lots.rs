//! The lots of a purchase: of the sums and dates that its rules give. A last day may lie later than that: a lot that was
//! held past it (a reservation, a freeze, the fraud watch) lives [`DAYS_AFTER_HOLD`] more from the day it came back, and
//! something has to say that it did ([`moved`]).

use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use std::collections::BTreeMap;

use super::judged::Stored;
use crate::days::date_in;
use crate::ids::PurchaseId;
use crate::lots::DAYS_AFTER_HOLD;
use crate::posting::decide::lot_dates;
use crate::purchases::Judgement;
use crate::rules::Book;
use crate::statement::statement;

statement! {
    /// Lots of members' purchases.
    ReadLots { members: Vec<MemberId> => Array<SqlUuid>, purchases: Vec<PurchaseId> => Array<SqlUuid> }
        -> (SqlUuid, Timestamptz, Nullable<Date>, BigInt),
    "SELECT l.purchase_id, l.available_at, l.expires_on, l.amount
     FROM unnest(?, ?) AS asked (member_id, purchase_id)
     JOIN ledger.lots AS l ON l.member_id = asked.member_id AND l.purchase_id = asked.purchase_id"
}

/// Whether a lot `l` (its member, purchase and last day) got that day from what returned to it past its date: the end of a
/// freeze, a release by the fraud watch, a capture for less, or an authorisation given up, which a job may do as of a later
/// day than it is booked on.
macro_rules! moved {
    () => {
        "(EXISTS (SELECT FROM ledger.freezes f, ledger.programme g
            WHERE (f.ended_at AT TIME ZONE g.zone)::date + 30 = l.expires_on
                AND (f.member_id = l.member_id OR EXISTS (SELECT FROM ledger.merged m
                    WHERE m.member_id = f.member_id AND m.into_id = l.member_id)))
        OR EXISTS (SELECT FROM ledger.fraud_cases c, ledger.programme g
            WHERE c.purchase_id = l.purchase_id AND c.status = 'released'
                AND (c.decided_at AT TIME ZONE g.zone)::date + 30 = l.expires_on)
        OR EXISTS (SELECT FROM ledger.spendings s
            JOIN ledger.purchases o ON o.id = s.purchase_id AND NOT o.captured
            JOIN ledger.postings p ON p.purchase_id = o.id AND p.kind IN ('void', 'refund')
            WHERE s.member_id = l.member_id AND s.lot_purchase_id = l.purchase_id
                AND (p.booked_on + 30 = l.expires_on OR (p.kind = 'void' AND p.booked_on + 30 < l.expires_on))))"
    };
}
pub(in crate::ledger) use moved;

statement! {
    /// Of lots with later last days than their rules give, those that got them rightly.
    FindMoved {
        members: Vec<MemberId> => Array<SqlUuid>, purchases: Vec<PurchaseId> => Array<SqlUuid>,
        days: Vec<NaiveDate> => Array<Date>,
    } -> (SqlUuid, Date),
    concat!(
        "SELECT l.purchase_id, l.expires_on FROM unnest(?, ?, ?) AS l (member_id, purchase_id, expires_on) WHERE ",
        moved!()
    )
}

/// When a lot becomes available, its last day, and how much it was, in kopecks.
pub(super) type Dated = (DateTime<Utc>, Option<NaiveDate>, i64);

/// The lots that a posted purchase's rules give, those of the same dates in one.
pub(super) fn given(stored: &Stored, judgement: &Judgement, book: &Book) -> Vec<Dated> {
    let date = date_in(book.zone, stored.occurred_at);
    let mut lots: Vec<Dated> = Vec::new();
    for applied in &judgement.applied {
        let Some(version) = book.version(applied.rule, applied.version) else { continue };
        let (available_at, expires_on) = lot_dates(book.zone, date, &version.terms);
        match lots.iter_mut().find(|lot| (lot.0, lot.1) == (available_at, expires_on)) {
            Some(lot) => lot.2 += applied.given_kopecks,
            None => lots.push((available_at, expires_on, applied.given_kopecks)),
        }
    }
    lots
}

/// Whether the purchase itself tells the dates of its lots.
pub(super) fn are_told(stored: &Stored, lots: &[Dated]) -> bool {
    let available_at = lots.iter().map(|lot| lot.0).max();
    let expires_on = lots.iter().filter_map(|lot| lot.1).min();
    (stored.available_at, stored.expires_on) == (available_at, expires_on)
}

/// Purchases whose lots differ in their dates, each with what its rules give; the rest is asked of the tables in one.
#[derive(Default)]
pub(super) struct Several(BTreeMap<PurchaseId, (MemberId, Vec<Dated>)>);

impl Several {
    pub(super) fn push(&mut self, stored: &Stored, mut lots: Vec<Dated>) {
        lots.sort();
        self.0.insert(stored.id, (stored.member, lots));
    }

    /// Those whose lots are others; none are kept.
    pub(super) fn wrong(&mut self, connection: &mut PgConnection) -> QueryResult<Vec<PurchaseId>> {
        let given = std::mem::take(&mut self.0);
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let members = given.values().map(|(member, _)| *member).collect();
        let rows: Vec<(PurchaseId, DateTime<Utc>, Option<NaiveDate>, i64)> =
            ReadLots { members, purchases: given.keys().copied().collect() }.load(connection)?;
        let mut found: BTreeMap<PurchaseId, Vec<Dated>> = BTreeMap::new();
        for (purchase, available_at, expires_on, amount) in rows {
            found.entry(purchase).or_default().push((available_at, expires_on, amount));
        }
        let mut wrong = Vec::new();
        let mut moved = FindMoved::default();
        for (purchase, (member, lots)) in given {
            let mut stored = found.remove(&purchase).unwrap_or_default();
            stored.sort();
            match fit(&lots, stored) {
                None => wrong.push(purchase),
                Some(days) => days.into_iter().for_each(|day| {
                    moved.members.push(member);
                    moved.purchases.push(purchase);
                    moved.days.push(day);
                }),
            }
        }
        let asked: Vec<(PurchaseId, NaiveDate)> =
            moved.purchases.iter().copied().zip(moved.days.iter().copied()).collect();
        if !asked.is_empty() {
            let rightly: Vec<(PurchaseId, NaiveDate)> = moved.load(connection)?;
            wrong
                .extend(asked.into_iter().filter(|lot| !rightly.contains(lot)).map(|(purchase, _)| purchase));
        }
        Ok(wrong)
    }
}

/// The later last days of those that have one, where each given lot is among the stored ones, under its last day or, held
/// past it, a later one.
fn fit(given: &[Dated], mut stored: Vec<Dated>) -> Option<Vec<NaiveDate>> {
    if given.len() != stored.len() {
        return None;
    }
    let mut moved = Vec::new();
    for lot in given {
        let same = stored.iter().position(|one| one == lot);
        let later = |one: &Dated| (one.0, one.2) == (lot.0, lot.2) && was_held(lot.1, one.1);
        let at = same.or_else(|| stored.iter().position(later))?;
        moved.extend(stored.swap_remove(at).1.filter(|_| same.is_none()));
    }
    Some(moved)
}

/// Whether a last day can have become a later one by a hold past it.
fn was_held(given: Option<NaiveDate>, stored: Option<NaiveDate>) -> bool {
    let (Some(given), Some(stored)) = (given, stored) else { return false };
    given.checked_add_days(Days::new(DAYS_AFTER_HOLD)).is_some_and(|least| stored > least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        text.parse().ok()
    }

    #[test]
    fn a_last_day_moves_by_a_hold_past_it_alone() {
        let at = DateTime::UNIX_EPOCH;
        let given = [(at, day("2026-03-01"), 500), (at, None, 300)];
        let stored = |moved| vec![(at, None, 300), (at, moved, 500)];
        assert_eq!(fit(&given, stored(day("2026-03-01"))), Some(Vec::new()));
        let later = day("2026-04-01");
        assert_eq!(
            fit(&given, stored(later)),
            Some(later.into_iter().collect()),
            "31 days: back on the day after its last"
        );
        assert_eq!(fit(&given, stored(day("2026-03-31"))), None, "it was not past then");
        assert_eq!(fit(&given, stored(day("2026-02-28"))), None);
        assert_eq!(fit(&given, stored(None)), None);
        let changed = vec![(at, day("2026-03-01"), 300), (at, None, 500)];
        assert_eq!(fit(&given, changed), None, "sums changed places");
        assert_eq!(fit(&given, vec![(at, day("2026-03-01"), 500)]), None);
    }
}
