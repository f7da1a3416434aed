//! A member's four balances, and what of them expires when.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use crate::days::date_in;
use crate::enrolments::Standing;
use crate::rules::BookCache;
use crate::schema::ledger::{balances, lots};
use crate::statement::statement;

/// The four balances as they are booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Queryable, Selectable)]
#[diesel(table_name = balances)]
pub struct Balance {
    /// Earned, inside the return window.
    pub pending: Money,
    /// Can be spent.
    pub available: Money,
    /// Held for a redemption or payout.
    pub reserved: Money,
    /// Taken back after it was spent.
    pub debt: Money,
}

/// An amount that expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    /// How much.
    pub amount: Money,
    /// At the end of which day.
    pub on: NaiveDate,
}

/// The balances as a member sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberBalance {
    /// The balances; `available` without what is past its last day, whether or not the nightly job has run.
    pub balance: Balance,
    /// As of when.
    pub as_of: DateTime<Utc>,
    /// What expires, soonest first: released and pending lots by day.
    pub expiring: Vec<Expiring>,
}

/// A member's balances as they are booked; `None` for one without any.
pub(crate) fn booked(connection: &mut PgConnection, member: MemberId) -> QueryResult<Option<Balance>> {
    balances::table.find(member).select(Balance::as_select()).first(connection).optional()
}

/// A member's balances; all 0.00 for one who never had any.
///
/// # Errors
/// The database's.
pub fn balance(
    connection: &mut PgConnection,
    books: &BookCache,
    member: MemberId,
    now: DateTime<Utc>,
) -> QueryResult<MemberBalance> {
    let today = date_in(books.current(connection)?.zone, now);
    // In one statement: between two an expiry could finish, and what is past would show once more.
    type Row = (Balance, Standing, Option<(Money, Option<NaiveDate>, bool)>);
    let rows: Vec<Row> =
        balances::table
            .left_join(lots::table.on(
                lots::member_id.eq(balances::member_id).and(lots::remaining.gt(0)).and(lots::held.eq(false)),
            ))
            .filter(balances::member_id.eq(member))
            .order((lots::expires_on, lots::purchase_id, lots::part))
            .select((
                Balance::as_select(),
                balances::standing,
                (lots::remaining, lots::expires_on, lots::released).nullable(),
            ))
            .load(connection)?;
    let booked = rows.first().map(|(balance, standing, _)| (*balance, *standing));
    let frozen = booked.is_some_and(|(_, standing)| standing.is_frozen());
    let mut balance = booked.map(|(balance, _)| balance).unwrap_or_default();
    let mut expiring: Vec<Expiring> = Vec::new();
    for (amount, expires_on, released) in rows.into_iter().filter_map(|(_, _, lot)| lot) {
        match (expires_on, expiring.last_mut()) {
            (Some(on), _) if on < today => {
                // Nothing of who is frozen expires.
                if released && !frozen {
                    balance.available -= amount;
                }
            }
            (Some(on), Some(last)) if last.on == on => last.amount += amount,
            (Some(on), _) => expiring.push(Expiring { amount, on }),
            (None, _) => {}
        }
    }
    Ok(MemberBalance { balance, as_of: now, expiring })
}

/// What a card in a wallet shows of its member's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The balances; `available` as in [`MemberBalance`].
    pub balance: Balance,
    /// How the member stands in the programme.
    pub standing: Standing,
    /// The tier held, where tiers are set.
    pub tier: Option<String>,
    /// What expires next, if that is soon.
    pub expiring: Option<Expiring>,
}

/// Members' accounts in short; who never had one is absent. `soon` is the last day of what counts as soon. Two statements.
///
/// # Errors
/// The database's.
pub fn summaries(
    connection: &mut PgConnection,
    books: &BookCache,
    members: &[MemberId],
    soon: NaiveDate,
    now: DateTime<Utc>,
) -> QueryResult<HashMap<MemberId, Summary>> {
    let book = books.current(connection)?;
    let today = date_in(book.zone, now);
    let booked: Vec<(MemberId, Balance, Standing, Option<String>)> = balances::table
        .filter(balances::member_id.eq_any(members))
        .select((balances::member_id, Balance::as_select(), balances::standing, balances::tier))
        .load(connection)?;
    let tier = |stored: Option<String>| {
        book.tiers.as_ref().and_then(|terms| terms.held(stored.as_deref())).map(str::to_owned)
    };
    let mut found: HashMap<MemberId, Summary> = booked
        .into_iter()
        .map(|(member, balance, standing, stored)| {
            (member, Summary { balance, standing, tier: tier(stored), expiring: None })
        })
        .collect();
    let lots: Vec<(MemberId, Money, Option<NaiveDate>, bool)> = lots::table
        .filter(lots::member_id.eq_any(members).and(lots::remaining.gt(0)).and(lots::expires_on.le(soon)))
        .order((lots::member_id, lots::expires_on))
        .select((lots::member_id, lots::remaining, lots::expires_on, lots::released))
        .load(connection)?;
    for (member, amount, expires_on, released) in lots {
        // Nothing of who is frozen expires.
        let Some(summary) = found.get_mut(&member).filter(|summary| !summary.standing.is_frozen()) else {
            continue;
        };
        match (expires_on, &mut summary.expiring) {
            (Some(on), _) if on < today && released => summary.balance.available -= amount,
            (Some(on), _) if on < today => {}
            (Some(on), Some(next)) if next.on == on => next.amount += amount,
            (Some(on), next @ None) => *next = Some(Expiring { amount, on }),
            _ => {}
        }
    }
    Ok(found)
}

statement! {
    /// Members of postings from an instant on.
    PostedSince { since: DateTime<Utc> => diesel::sql_types::Timestamptz } -> SqlUuid,
    "SELECT DISTINCT member_id FROM ledger.postings
     WHERE id >= ledger.first_id_of(?) AND member_id IS NOT NULL"
}

/// Members whose balances postings begun since an instant have moved, as this transaction sees them.
///
/// # Errors
/// The database's.
pub fn moved_since(connection: &mut PgConnection, since: DateTime<Utc>) -> QueryResult<Vec<MemberId>> {
    PostedSince { since }.load(connection)
}

statement! {
    /// What of members' lots is past its last day and not expired yet, but of those who are frozen.
    Past { members: Vec<MemberId> => Array<SqlUuid>, today: NaiveDate => Date } -> (SqlUuid, BigInt),
    "SELECT l.member_id, sum(l.remaining)::bigint FROM ledger.lots AS l JOIN ledger.balances AS b USING (member_id)
     WHERE l.member_id = ANY(?) AND l.released AND l.remaining > 0 AND l.expires_on < ?
        AND b.standing NOT IN ('frozen', 'frozen_left') GROUP BY l.member_id"
}

/// What is booked, without what is past its last day: also once an expiry has finished as of today, since what a late
/// purchase brings may be past it at once.
pub(crate) fn without_past<'a>(
    connection: &mut PgConnection,
    booked: impl Iterator<Item = (MemberId, &'a mut Balance)>,
    today: NaiveDate,
) -> QueryResult<()> {
    let booked: Vec<(MemberId, &mut Balance)> =
        booked.filter(|(_, balance)| balance.available.is_positive()).collect();
    if booked.is_empty() {
        return Ok(());
    }
    let members = booked.iter().map(|(member, _)| *member).collect();
    let past: HashMap<MemberId, Money> =
        Past { members, today }.load::<(MemberId, Money)>(connection)?.into_iter().collect();
    for (member, balance) in booked {
        balance.available -= past.get(&member).copied().unwrap_or_default();
    }
    Ok(())
}

/// What of a member's lots expires at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiringLots {
    /// Whose.
    pub member: MemberId,
    /// At the end of which day.
    pub on: NaiveDate,
    /// How much, spendable or not yet.
    pub amount: Money,
}

statement! {
    /// Some members' lots of some days, but those held back and those of frozen members, also such as left: they don't
    /// expire.
    ExpiringOn { days: Vec<NaiveDate> => Array<Date>, after: Option<MemberId> => diesel::sql_types::Nullable<SqlUuid>,
        members_max: i64 => BigInt } -> (SqlUuid, Date, BigInt),
    "WITH given AS (SELECT ?::date[] AS days, ?::uuid AS after), members AS (
        SELECT DISTINCT l.member_id FROM ledger.lots AS l JOIN ledger.balances AS b USING (member_id)
        WHERE l.remaining > 0 AND NOT l.held AND l.expires_on = ANY((SELECT days FROM given)::date[]) AND b.standing NOT IN ('frozen', 'frozen_left')
            AND l.member_id > coalesce((SELECT after FROM given), '00000000-0000-0000-0000-000000000000')
        ORDER BY l.member_id LIMIT ?
     )
     SELECT member_id, expires_on, sum(remaining)::bigint FROM ledger.lots JOIN members USING (member_id)
     WHERE remaining > 0 AND NOT held AND expires_on = ANY((SELECT days FROM given)::date[])
     GROUP BY member_id, expires_on ORDER BY member_id, expires_on"
}

/// What expires on these days, by member and day: all of so many members after the given one.
///
/// # Errors
/// The database's.
pub fn expiring_on(
    connection: &mut PgConnection,
    days: &[NaiveDate],
    after: Option<MemberId>,
    members_max: i64,
) -> QueryResult<Vec<ExpiringLots>> {
    let found: Vec<(MemberId, NaiveDate, Money)> =
        ExpiringOn { days: days.to_vec(), after, members_max }.load(connection)?;
    Ok(found.into_iter().map(|(member, on, amount)| ExpiringLots { member, on, amount }).collect())
}

/// Locks members' balances in their order.
pub(crate) fn lock_members(connection: &mut PgConnection, members: Vec<MemberId>) -> QueryResult<()> {
    let _: Vec<MemberId> = balances::table
        .filter(balances::member_id.eq_any(members))
        .order(balances::member_id)
        .select(balances::member_id)
        .for_no_key_update()
        .load(connection)?;
    Ok(())
}
