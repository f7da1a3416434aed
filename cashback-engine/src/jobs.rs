//! The nightly jobs, in their order: release, debts, (tiers,) expire; and authorised purchases given up by themselves.
//! Each is judged as of `at`, booked `now`, set-based, and changes nothing the second time. Each call is the caller's
//! transaction; it handles a bounded number of members and tells how many, so that callers go on until 0.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Integer, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use crate::days::date_in;
use crate::enrolments::Standing;
use crate::ids::{Mint, PurchaseId};
use crate::ledger::account::Account;
use crate::lots::LotKey;
use crate::posting::decide::AUTHORIZED_DAYS;
use crate::posting::read::{Lock, LockBalances, Needs, fill};
use crate::posting::world::{PostingKind, World};
use crate::posting::write;
use crate::refunds::locked;
use crate::rules::BookCache;
use crate::schema::ledger::{balances, lots, purchases};
use crate::statement::statement;
use crate::two_step::give_up;

/// How many lots (or debtors) one call looks for at most; it handles all that their members have.
pub const LOTS_MAX: i64 = 20_000;
/// How many authorised purchases one call gives up at most.
pub const VOIDS_MAX: i64 = 500;

statement! {
    /// Releases the due lots of these members, who are locked and have no debt.
    Release {
        members: Vec<MemberId> => Array<SqlUuid>, at: DateTime<Utc> => Timestamptz, now: DateTime<Utc> => Timestamptz,
        booked_at: DateTime<Utc> => Timestamptz, booked_on: NaiveDate => Date,
    } -> BigInt,
    include_str!("release.sql")
}

statement! {
    /// Expires released lots past their date of these members, who are locked.
    Expire {
        members: Vec<MemberId> => Array<SqlUuid>, today: NaiveDate => Date, now: DateTime<Utc> => Timestamptz,
        booked_at: DateTime<Utc> => Timestamptz, booked_on: NaiveDate => Date,
    } -> BigInt,
    include_str!("expire.sql")
}

statement! {
    /// Members with lots to be released that hold something, by the time they are due.
    ToRelease { at: DateTime<Utc> => Timestamptz, limit: i64 => BigInt } -> SqlUuid,
    "SELECT DISTINCT member_id FROM (SELECT member_id FROM ledger.lots
        WHERE NOT released AND NOT held AND remaining > 0 AND available_at <= ?
        ORDER BY available_at LIMIT ?) AS due"
}

statement! {
    /// Members with lots to expire, but the frozen, by the lots' last day.
    ToExpire { today: NaiveDate => Date, limit: i64 => BigInt } -> SqlUuid,
    "SELECT DISTINCT member_id FROM (SELECT l.member_id FROM ledger.lots AS l JOIN ledger.balances AS b USING (member_id)
        WHERE l.released AND l.remaining > 0 AND l.expires_on < ? AND b.standing NOT IN ('frozen', 'frozen_left')
        ORDER BY l.expires_on LIMIT ?) AS due"
}

/// Locks members, in their order, before the statement that moves what is theirs: so it sees them as they stay. The
/// standing and debt of each.
fn lock(
    connection: &mut PgConnection,
    members: Vec<MemberId>,
) -> QueryResult<Vec<(MemberId, Standing, Money)>> {
    type Locked = (MemberId, Money, Money, Money, Money, Standing, Option<String>, i16);
    let rows: Vec<Locked> = LockBalances { members }.load(connection)?;
    Ok(rows.into_iter().map(|(member, _, _, _, debt, standing, ..)| (member, standing, debt)).collect())
}

/// Moves cashback whose hold is over from `pending` to `available`, where it pays debt first. How many lots.
///
/// # Errors
/// The database's.
pub fn release_holds(
    connection: &mut PgConnection,
    books: &BookCache,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let book = books.current(connection)?;
    let members: Vec<MemberId> = ToRelease { at, limit: LOTS_MAX }.load(connection)?;
    if members.is_empty() {
        finished(connection, "release-holds", at, now)?;
        return Ok(0);
    }
    let booked_on = date_in(book.zone, now);
    let (debtors, free): (Vec<_>, Vec<_>) =
        lock(connection, members)?.into_iter().partition(|(_, _, debt)| debt.is_positive());
    let members = free.into_iter().map(|(member, ..)| member).collect();
    let released: i64 =
        Release { members, at, now, booked_at: now, booked_on }.get_result::<i64>(connection)?;
    if debtors.is_empty() {
        return Ok(released);
    }
    let debtors: HashSet<MemberId> = debtors.into_iter().map(|(member, ..)| member).collect();
    let mut world = World::default();
    let needs = Needs { members: debtors.clone(), spenders: debtors.clone(), ..Needs::default() };
    fill(connection, &mut world, &needs, Lock::Write)?;
    let mut mint = Mint::at(now);
    let mut more = 0;
    for member in debtors {
        more += release_member(&mut world, &mut mint, member, (at, book.zone));
    }
    write::write(connection, &world, &book, now)?;
    Ok(released + more)
}

/// Releases a debtor's lots that are due, each as on its own day: what it brought pays debt then, also where the job runs
/// when it would have expired since.
fn release_member(
    world: &mut World,
    mint: &mut Mint,
    member: MemberId,
    (at, zone): (DateTime<Utc>, Tz),
) -> i64 {
    let lots = world.member(member).lots.0.iter();
    let mut due: Vec<(DateTime<Utc>, LotKey)> = lots
        .filter(|lot| !lot.released && !lot.held && lot.available_at <= at)
        .map(|lot| (lot.available_at, lot.key()))
        .collect();
    due.sort();
    for (available_at, key) in &due {
        let Some(lot) = world.member(member).lots.find(*key) else { continue };
        lot.released = true;
        lot.change();
        let amount = lot.remaining;
        world.open(mint.next(), PostingKind::Release, member, Some(key.0), *available_at);
        world.transfer(Account::PENDING, Account::AVAILABLE, amount);
        world.settle_debt(member, date_in(zone, *available_at));
    }
    i64::try_from(due.len()).unwrap_or(i64::MAX)
}

/// Pays debt out of what is available. Whatever becomes available pays debt in its own posting, so that this finds
/// nothing unless something was corrected by hand. How many members.
///
/// # Errors
/// The database's.
pub fn pay_debts(
    connection: &mut PgConnection,
    books: &BookCache,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let book = books.current(connection)?;
    let debtors: HashSet<MemberId> = balances::table
        .inner_join(lots::table.on(lots::member_id.eq(balances::member_id)))
        .filter(balances::debt.gt(0).and(lots::released).and(lots::remaining.gt(0)))
        .select(balances::member_id)
        .distinct()
        .limit(LOTS_MAX)
        .load(connection)?
        .into_iter()
        .collect();
    if debtors.is_empty() {
        finished(connection, "pay-debts", at, now)?;
        return Ok(0);
    }
    let mut world = World::default();
    let needs = Needs { members: debtors.clone(), spenders: debtors.clone(), ..Needs::default() };
    fill(connection, &mut world, &needs, Lock::Write)?;
    let mut mint = Mint::at(now);
    for member in &debtors {
        world.open(mint.next(), PostingKind::DebtRepaid, *member, None, now);
        world.settle_debt(*member, date_in(book.zone, at));
    }
    world.postings.retain(|posting| !posting.transfers.is_empty());
    let paid = world.postings.len();
    write::write(connection, &world, &book, now)?;
    Ok(i64::try_from(paid).unwrap_or(i64::MAX))
}

/// Moves what is past its last day from `available` to `breakage`. How many lots; 0 notes that the job is finished as
/// of `at`: from then on no lot past its date holds anything.
///
/// # Errors
/// The database's.
pub fn expire(
    connection: &mut PgConnection,
    books: &BookCache,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let book = books.current(connection)?;
    let today = date_in(book.zone, at);
    let members: Vec<MemberId> = ToExpire { today, limit: LOTS_MAX }.load(connection)?;
    if members.is_empty() {
        finished(connection, "expire", at, now)?;
        return Ok(0);
    }
    let booked_on = date_in(book.zone, now);
    let members = lock(connection, members)?
        .into_iter()
        .filter(|(_, standing, _)| !standing.is_frozen())
        .map(|(member, ..)| member)
        .collect();
    Expire { members, today, now, booked_at: now, booked_on }.get_result(connection)
}

/// Notes that a job found nothing left to do as of `at`.
fn finished(
    connection: &mut PgConnection,
    job: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO ledger.finished_jobs AS f (job, judged_at, finished_at) VALUES ($1, $2, $3)
         ON CONFLICT (job) DO UPDATE SET judged_at = excluded.judged_at, finished_at = excluded.finished_at
         WHERE f.judged_at < excluded.judged_at",
    )
    .bind::<Text, _>(job)
    .bind::<Timestamptz, _>(at)
    .bind::<Timestamptz, _>(now)
    .execute(connection)?;
    Ok(())
}

/// Gives up purchases authorised more than seven days ago. What they held returns as of `at`, or of `now` where that is
/// later: the nights that follow leave who gets it back the days that are given. How many.
///
/// # Errors
/// The database's.
pub fn void_authorizations(
    connection: &mut PgConnection,
    books: &BookCache,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let ids: Vec<PurchaseId> = purchases::table
        .filter(purchases::status.eq("authorized"))
        .filter(purchases::booked_at.le(at - TimeDelta::days(AUTHORIZED_DAYS)))
        .order((purchases::booked_at, purchases::id))
        .limit(VOIDS_MAX)
        .select(purchases::id)
        .load(connection)?;
    let (book, mut world) = locked(connection, books, &ids.iter().copied().collect())?;
    let today = date_in(book.zone, at.max(now));
    let mut mint = Mint::at(now);
    let mut given_up = 0;
    for id in ids {
        let record = world.purchases.get(&id).map(|kept| kept.record.clone());
        if let Some(record) =
            record.filter(|record| record.status == crate::purchases::PurchaseStatus::Authorized)
        {
            give_up(&mut world, &record, &mut mint, today);
            given_up += 1;
        }
    }
    write::write(connection, &world, &book, now)?;
    Ok(given_up)
}

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = Integer)]
    made: i32,
}

/// Makes the monthly partitions for rows booked from one day to another; call it ahead. How many were made.
///
/// # Errors
/// The database's.
pub fn ensure_partitions(
    connection: &mut PgConnection,
    from: NaiveDate,
    until: NaiveDate,
) -> QueryResult<i32> {
    let made: Made = diesel::sql_query("SELECT ledger.ensure_partitions($1, $2) AS made")
        .bind::<Date, _>(from)
        .bind::<Date, _>(until)
        .get_result(connection)?;
    Ok(made.made)
}
