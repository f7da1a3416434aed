//! Members told ahead that points will expire: 30 and 7 days before, each once, in one letter a night.

use std::collections::{BTreeMap, HashSet};

use cashback_engine::balances::{ExpiringLots, expiring_on};
use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::schema::platform::expiry_notices;

use super::queue::{self, Expiring};

/// How many days ahead members hear of an expiry: the first time, and the second.
const AHEAD: (u64, u64) = (30, 7);
/// Nights that were missed are made up for within so many days.
const LATE_MAX: u64 = 6;
/// Members told at a time.
const MEMBERS_MAX: i64 = 5_000;

/// What a member was told of: the last day, and how many days ahead.
type Told = (MemberId, NaiveDate, i16);

/// Puts the letters into the queue that are due on a day; how many. A second run finds them told.
///
/// # Errors
/// The database's.
pub fn tell(connection: &mut PgConnection, today: NaiveDate, now: DateTime<Utc>) -> QueryResult<i64> {
    let days = [AHEAD.0 - LATE_MAX..=AHEAD.0, 0..=AHEAD.1];
    let days: Vec<NaiveDate> = days.into_iter().flatten().map(|ahead| today + Days::new(ahead)).collect();
    let (mut letters, mut after) = (0, None);
    loop {
        let found = expiring_on(connection, &days, after, MEMBERS_MAX)?;
        let Some(last) = found.last() else { return Ok(letters) };
        after = Some(last.member);
        letters += tell_some(connection, &found, today, now)?;
    }
}

fn tell_some(
    connection: &mut PgConnection,
    found: &[ExpiringLots],
    today: NaiveDate,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let second = today + Days::new(AHEAD.1);
    let ahead = |on: NaiveDate| if on <= second { AHEAD.1 } else { AHEAD.0 };
    let told = |lots: &ExpiringLots| -> Told {
        (lots.member, lots.on, i16::try_from(ahead(lots.on)).unwrap_or(i16::MAX))
    };
    let rows: Vec<_> = found
        .iter()
        .map(|lots| {
            let (member, on, days) = told(lots);
            (
                expiry_notices::member_id.eq(member),
                expiry_notices::expires_on.eq(on),
                expiry_notices::days_ahead.eq(days),
                expiry_notices::told_at.eq(now),
            )
        })
        .collect();
    let mut new: HashSet<Told> = HashSet::new();
    for rows in rows.chunks(INSERTED_MAX) {
        let inserted: Vec<Told> = diesel::insert_into(expiry_notices::table)
            .values(rows)
            .on_conflict_do_nothing()
            .returning((expiry_notices::member_id, expiry_notices::expires_on, expiry_notices::days_ahead))
            .get_results(connection)?;
        new.extend(inserted);
    }
    let mut letters: BTreeMap<MemberId, Expiring> = BTreeMap::new();
    for lots in found.iter().filter(|lots| new.contains(&told(lots))) {
        let letter = letters.entry(lots.member).or_insert_with(|| Expiring { days: Vec::new() });
        letter.days.push((lots.on, lots.amount.kopecks()));
    }
    queue::put_expiring(connection, &letters, now)?;
    Ok(i64::try_from(letters.len()).unwrap_or(i64::MAX))
}

/// Rows of one insert: PostgreSQL takes 65,535 values in a statement.
const INSERTED_MAX: usize = 10_000;

/// Two members were found to be one: what either was told of counts as told to the one who stays.
///
/// # Errors
/// The database's.
pub fn follow(connection: &mut PgConnection, (from, into): (MemberId, MemberId)) -> QueryResult<()> {
    let told: Vec<(NaiveDate, i16, DateTime<Utc>)> =
        diesel::delete(expiry_notices::table.filter(expiry_notices::member_id.eq(from)))
            .returning((expiry_notices::expires_on, expiry_notices::days_ahead, expiry_notices::told_at))
            .get_results(connection)?;
    let rows: Vec<_> = told
        .into_iter()
        .map(|(on, days, at)| {
            (
                expiry_notices::member_id.eq(into),
                expiry_notices::expires_on.eq(on),
                expiry_notices::days_ahead.eq(days),
                expiry_notices::told_at.eq(at),
            )
        })
        .collect();
    diesel::insert_into(expiry_notices::table).values(rows).on_conflict_do_nothing().execute(connection)?;
    Ok(())
}

/// Forgets what was told of days that are over; how many rows.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, today: NaiveDate) -> QueryResult<usize> {
    diesel::delete(expiry_notices::table.filter(expiry_notices::expires_on.lt(today))).execute(connection)
}
