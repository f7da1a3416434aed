//! Daily closing: a day that is over gets its accounts' totals and a hash over all that was posted on it, which holds
//! the hash of the day before. What is closed can't be posted into (a trigger refuses it), and `audit` finds whatever
//! was changed, added, removed or put into another order since.
//!
//! The hash is SHA-256 over: the words `unioncard day 1`, the hash of the day before (32 zero bytes for the first), the
//! day; then, in the order of identifiers, each posting (`P`, its columns but `place`) followed by its transfers (`T`,
//! their columns, by ordinal). Numbers are big-endian, instants microseconds since 1970, a text has its length before
//! it, what is missing is a zero byte and what isn't follows a one.

use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Date, Integer, Uuid as SqlUuid};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared_kernel::ids::Uuid;

use super::read::first_id_of;
use super::walk::{Entry, Walk, WalkedPosting, WalkedTransfer};
use crate::days::{date_in, midnight};
use crate::rules::BookCache;
use crate::schema::ledger::{closed_days, postings};

/// The class of advisory locks that keep days open: "days" in ASCII, as in `ledger.guard_days`.
const DAYS_LOCK: i32 = 0x6461_7973;

/// A closed day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClosedDay {
    /// Which.
    pub day: NaiveDate,
    /// How many postings it has.
    pub postings: i64,
    /// How many transfers.
    pub transfers: i64,
    /// The chained hash, in hexadecimal digits.
    pub hash: String,
}

/// A closed day as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = closed_days)]
pub(crate) struct DayRow {
    pub day: NaiveDate,
    pub first_id: Uuid,
    pub end_id: Uuid,
    pub postings: i64,
    pub transfers: i64,
    pub hash: Vec<u8>,
}

/// The hash of a day that is being read.
#[derive(Debug, Clone)]
pub(crate) struct DayHash {
    digest: Sha256,
    record: Vec<u8>,
    pub postings: i64,
    pub transfers: i64,
}

impl DayHash {
    /// Of a day after the one with that hash; `None` for the first.
    pub(crate) fn after(before: Option<&[u8]>, day: NaiveDate) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"unioncard day 1");
        digest.update(before.unwrap_or(&[0; 32]));
        digest.update(day.to_epoch_days().to_be_bytes());
        Self { digest, record: Vec::with_capacity(256), postings: 0, transfers: 0 }
    }

    pub(crate) fn add(&mut self, entry: &Entry) {
        self.record.clear();
        if let Some(posting) = &entry.posting {
            self.postings += 1;
            write_posting(&mut self.record, posting);
        }
        for transfer in &entry.transfers {
            self.transfers += 1;
            write_transfer(&mut self.record, transfer);
        }
        self.digest.update(&self.record);
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.digest.finalize().to_vec()
    }
}

fn write_posting(out: &mut Vec<u8>, posting: &WalkedPosting) {
    out.push(b'P');
    out.extend(posting.id.0.as_bytes());
    let length = u8::try_from(posting.kind.len()).expect("the kinds of posting are short words");
    out.push(length);
    out.extend(posting.kind.as_bytes());
    write_id(out, posting.member.map(|member| member.0));
    write_id(out, posting.purchase.map(|purchase| purchase.0));
    out.extend(posting.occurred_at.timestamp_micros().to_be_bytes());
    out.extend(posting.booked_at.timestamp_micros().to_be_bytes());
    out.extend(posting.booked_on.to_epoch_days().to_be_bytes());
}

fn write_transfer(out: &mut Vec<u8>, transfer: &WalkedTransfer) {
    out.push(b'T');
    out.extend(transfer.posting.0.as_bytes());
    out.extend(transfer.ordinal.to_be_bytes());
    out.extend(transfer.debit.0.to_be_bytes());
    out.extend(transfer.credit.0.to_be_bytes());
    out.extend(transfer.kopecks.to_be_bytes());
    write_id(out, transfer.member.map(|member| member.0));
    // Days without a merger hash as they did before mergers named the other member.
    if let Some(other) = transfer.credit_member {
        write_id(out, Some(other.0));
    }
}

fn write_id(out: &mut Vec<u8>, id: Option<Uuid>) {
    match id {
        None => out.push(0),
        Some(id) => {
            out.push(1);
            out.extend(id.as_bytes());
        }
    }
}

/// The last closed day.
pub(crate) fn last(connection: &mut PgConnection) -> QueryResult<Option<DayRow>> {
    closed_days::table.order(closed_days::day.desc()).select(DayRow::as_select()).first(connection).optional()
}

/// The day of the first posting: the first to be closed.
fn first_posted(connection: &mut PgConnection) -> QueryResult<Option<NaiveDate>> {
    postings::table.order(postings::id).select(postings::booked_on).first(connection).optional()
}

/// Closes the next day that was over at `at` (and is over now), in the caller's transaction; `None` when there is none.
/// Days are closed in order, each once, also those without postings; call until `None`. Waits for those who are posting
/// on that day.
///
/// # Errors
/// The database's.
pub fn close_day(
    connection: &mut PgConnection,
    books: &BookCache,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<Option<ClosedDay>> {
    let zone = books.current(connection)?.zone;
    let open = date_in(zone, at.min(now));
    let Some(day) = next_day(connection)?.filter(|day| *day < open) else { return Ok(None) };
    hold(connection, day)?;
    if next_day(connection)? != Some(day) {
        // Somebody else closed it while we waited; the next call goes on from there.
        return close_day(connection, books, at, now);
    }
    let before = last(connection)?;
    let following = day.checked_add_days(Days::new(1)).expect("a day that is over has a next one");
    let from = before.as_ref().map_or(Uuid::nil(), |before| before.end_id);
    let until = first_id_of(midnight(zone, following));
    let mut hash = DayHash::after(before.as_ref().map(|before| before.hash.as_slice()), day);
    let mut walk = Walk::new(from, until);
    loop {
        let entries = walk.chunk(connection)?;
        if entries.is_empty() {
            break;
        }
        entries.iter().for_each(|entry| hash.add(entry));
    }
    write(connection, day, (from, until), hash, now).map(Some)
}

fn next_day(connection: &mut PgConnection) -> QueryResult<Option<NaiveDate>> {
    match last(connection)? {
        Some(last) => Ok(last.day.checked_add_days(Days::new(1))),
        None => first_posted(connection),
    }
}

/// Waits until nobody posts on that day any more; nobody begins to, until this transaction ends.
fn hold(connection: &mut PgConnection, day: NaiveDate) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1, $2 - DATE '2000-01-01')")
        .bind::<Integer, _>(DAYS_LOCK)
        .bind::<Date, _>(day)
        .execute(connection)?;
    Ok(())
}

fn write(
    connection: &mut PgConnection,
    day: NaiveDate,
    (from, until): (Uuid, Uuid),
    hash: DayHash,
    now: DateTime<Utc>,
) -> QueryResult<ClosedDay> {
    diesel::sql_query(include_str!("day_totals.sql"))
        .bind::<Date, _>(day)
        .bind::<SqlUuid, _>(from)
        .bind::<SqlUuid, _>(until)
        .execute(connection)?;
    let (postings, transfers) = (hash.postings, hash.transfers);
    let hash = hash.end();
    diesel::insert_into(closed_days::table)
        .values((
            closed_days::day.eq(day),
            closed_days::first_id.eq(from),
            closed_days::end_id.eq(until),
            closed_days::postings.eq(postings),
            closed_days::transfers.eq(transfers),
            closed_days::hash.eq(&hash),
            closed_days::closed_at.eq(now),
        ))
        .execute(connection)?;
    Ok(ClosedDay { day, postings, transfers, hash: hex(&hash) })
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
