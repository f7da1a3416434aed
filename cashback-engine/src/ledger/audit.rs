//! `ledger verify`: money.md's "What must always hold", over live data on one snapshot. What needs the rules is
//! recomputed by the functions that post, as a stream; the rest is SQL, one query an invariant.
//!
//! | part | what it checks |
//! |---|---|
//! | `queries` | one query each: balances, lots, receipts, refunds, spendings, reserves, registers, and what foreign keys would |
//! | `stream` | one pass over postings, transfers and purchases: kinds of transfers, owners, frozen terms, refunds one after the other |
//! | `lots` | the sums and dates of a purchase's lots, where they differ among themselves |
//! | `days` | closed days: their chained hashes and totals; the trial balance |
//! | `room` | caps and budgets: what is used, and that each grant fitted when it was posted |
//!
//! From a closed day on ([`verify_since`]) the chain stands for what was before it: the pass begins there, and what would
//! need the whole history (`queries::HISTORY`, caps and budgets) is left to the full check.

mod days;
mod judged;
mod kinds;
mod lots;
mod queries;
mod room;
mod stream;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz};
use serde::Serialize;
use shared_kernel::ids::Uuid;

pub(super) use self::lots::moved;
use super::standing;
use crate::error::EngineError;
use crate::ledger::closing::DayRow;
use crate::ledger::read::first_id_of;
use crate::rules::{Book, BookCache};
use crate::schema::ledger::{closed_days, finished_jobs};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether everything holds.
    pub ok: bool,
    /// From which closed day on, where not all of it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<NaiveDate>,
    /// How many closed days were read again.
    pub days: i64,
    /// How many transfers were looked at.
    pub transfers: i64,
    /// How many purchases were judged anew.
    pub purchases: i64,
    /// What doesn't hold.
    pub findings: Vec<Finding>,
}

/// Something that doesn't hold.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The number in money.md's list.
    pub invariant: u8,
    /// What is wrong, in words.
    pub what: String,
    /// The first rows it is seen in.
    pub rows: Vec<String>,
}

/// How many rows a finding names at most.
const ROWS_MAX: usize = 20;
/// Sorts and hashes of a check stay in memory.
const WORK_MEM: &str = "SET LOCAL work_mem = '64MB'";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

/// What is found on the way.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn of(&mut self, invariant: u8, what: &str) -> &mut Vec<String> {
        let at = self.0.iter().position(|finding| finding.what == what).unwrap_or_else(|| {
            self.0.push(Finding { invariant, what: what.to_owned(), rows: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0.get_mut(at).expect("it was found or pushed").rows
    }

    fn add(&mut self, invariant: u8, what: &str, row: impl FnOnce() -> String) {
        let rows = self.of(invariant, what);
        if rows.len() < ROWS_MAX {
            rows.push(row());
        }
    }

    fn rows(&mut self, invariant: u8, what: &str, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.add(invariant, what, || row.row);
        }
    }
}

/// Checks everything on one snapshot, reading only; in a transaction of its own.
///
/// # Errors
/// The database's.
pub fn verify(connection: &mut PgConnection, books: &BookCache) -> QueryResult<Report> {
    on_one_snapshot(connection, |connection| checked(connection, None, books, None))
}

/// Checks from a closed day on; the days before it are taken as they were closed.
///
/// # Errors
/// [`EngineError::Unknown`] for a day that is not closed.
pub fn verify_since(
    connection: &mut PgConnection,
    books: &BookCache,
    since: NaiveDate,
) -> Result<Report, EngineError> {
    checked_since(connection, None, books, since)
}

/// The same as either, with a second connection that asks the tables while the first walks: on the same snapshot.
///
/// # Errors
/// [`EngineError::Unknown`] for a day that is not closed.
pub fn verify_by_two(
    (connection, beside): (&mut PgConnection, &mut PgConnection),
    books: &BookCache,
    since: Option<NaiveDate>,
) -> Result<Report, EngineError> {
    match since {
        Some(since) => checked_since(connection, Some(beside), books, since),
        None => Ok(on_one_snapshot(connection, |connection| checked(connection, Some(beside), books, None))?),
    }
}

fn checked_since(
    connection: &mut PgConnection,
    beside: Option<&mut PgConnection>,
    books: &BookCache,
    since: NaiveDate,
) -> Result<Report, EngineError> {
    on_one_snapshot(connection, |connection| {
        let day: Option<DayRow> =
            closed_days::table.find(since).select(DayRow::as_select()).first(connection).optional()?;
        let day = day.ok_or(EngineError::Unknown("the closed day"))?;
        Ok(checked(connection, beside, books, Some(&day))?)
    })
}

fn on_one_snapshot<T, E: From<diesel::result::Error>>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<T, E> {
    room::prepare(connection)?;
    let done = connection.build_transaction().repeatable_read().read_only().run(|connection| {
        connection.batch_execute(WORK_MEM)?;
        work(connection)
    });
    room::clear(connection)?;
    done
}

define_sql_function! {
    /// The name of this transaction's snapshot, while the transaction lasts.
    fn pg_export_snapshot() -> Text;
}

/// Works on the snapshot of another transaction.
fn on_snapshot<T>(
    connection: &mut PgConnection,
    name: &str,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    connection.build_transaction().repeatable_read().read_only().run(|connection| {
        connection.batch_execute(&format!("SET TRANSACTION SNAPSHOT '{name}'; {WORK_MEM}"))?;
        work(connection)
    })
}

fn checked(
    connection: &mut PgConnection,
    beside: Option<&mut PgConnection>,
    books: &BookCache,
    since: Option<&DayRow>,
) -> QueryResult<Report> {
    let from = since.map_or(Uuid::nil(), |day| day.first_id);
    let ask = |connection: &mut PgConnection| queries::all(connection, from, since.is_none());
    let (mut findings, (on_the_walk, walked)) = match beside {
        None => (ask(connection)?, walk(connection, books, since)?),
        Some(beside) => {
            let snapshot: String = diesel::select(pg_export_snapshot()).get_result(connection)?;
            std::thread::scope(|scope| {
                let asked = scope.spawn(|| on_snapshot(beside, &snapshot, ask));
                let walked = walk(connection, books, since);
                let asked = asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                QueryResult::Ok((asked?, walked?))
            })?
        }
    };
    for Finding { invariant, what, rows } in on_the_walk.0 {
        findings.rows(invariant, &what, rows.into_iter().map(|row| Row { row }));
    }
    Ok(Report {
        ok: findings.0.is_empty(),
        since: since.map(|day| day.day),
        days: walked.days,
        transfers: walked.transfers,
        purchases: walked.purchases,
        findings: findings.0,
    })
}

/// What needs the rules.
fn walk(
    connection: &mut PgConnection,
    books: &BookCache,
    since: Option<&DayRow>,
) -> QueryResult<(Findings, stream::Walked)> {
    let mut findings = Findings::default();
    let from = since.map_or(Uuid::nil(), |day| day.first_id);
    let book = match books.of_snapshot(connection) {
        Ok(book) => book,
        Err(error @ (diesel::result::Error::NotFound | diesel::result::Error::DeserializationError(_))) => {
            findings.add(1, "what purchases are judged by can't be read", || error.to_string());
            return Ok((findings, stream::Walked::default()));
        }
        Err(error) => return Err(error),
    };
    lots_past_their_date(connection, &mut findings, &book)?;
    let days = days::Days::read(connection, &mut findings, since.map(|day| day.day))?;
    if book.tiers.is_some() && since.is_none() {
        queries::run(connection, &mut findings, &[(6, standing::TIERS, &standing::tiers())], from)?;
    }
    let walked = stream::Pass::new(connection, &book, &mut findings, days, from)?.run(connection)?;
    if since.is_none() {
        room::check(connection, &mut findings, &book)?;
    }
    Ok((findings, walked))
}

/// The last finished expiry's promise: lots past their date then are empty, but those of members who were frozen, those that
/// came to be spendable only after it, and what returned to them since. It may have been judged ahead of its time.
fn lots_past_their_date(
    connection: &mut PgConnection,
    findings: &mut Findings,
    book: &Book,
) -> QueryResult<()> {
    let finished: Option<(DateTime<Utc>, DateTime<Utc>)> = finished_jobs::table
        .find("expire")
        .select((finished_jobs::judged_at, finished_jobs::finished_at))
        .first(connection)
        .optional()?;
    let Some((judged_at, finished_at)) = finished else { return Ok(()) };
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT format('member %s: lot of purchase %s until %s', l.member_id, l.purchase_id, l.expires_on) AS row
         FROM ledger.lots AS l JOIN ledger.balances AS b USING (member_id)
         WHERE l.remaining > 0 AND l.released AND l.expires_on < $1 AND b.standing NOT IN ('frozen', 'frozen_left') AND l.purchase_id < $2
            AND NOT EXISTS (SELECT FROM ledger.postings AS p WHERE p.purchase_id = l.purchase_id
                AND p.kind <> 'purchase' AND p.id >= $2)
            AND l.remaining > coalesce((SELECT sum(s.returned) FROM ledger.spendings AS s
                WHERE s.member_id = l.member_id AND s.lot_purchase_id = l.purchase_id AND s.lot_part = l.part
                    AND EXISTS (SELECT FROM ledger.postings AS p WHERE p.purchase_id = s.purchase_id
                        AND p.kind IN ('void', 'refund') AND p.id >= $2)), 0)
            AND NOT EXISTS (SELECT FROM ledger.freezes AS f WHERE f.ended_at >= $3 AND (f.member_id = l.member_id
                OR EXISTS (SELECT FROM ledger.merged AS m
                    WHERE m.member_id = f.member_id AND m.into_id = l.member_id)))
         LIMIT 20",
    )
    .bind::<diesel::sql_types::Date, _>(crate::days::date_in(book.zone, judged_at))
    .bind::<diesel::sql_types::Uuid, _>(first_id_of(finished_at))
    .bind::<Timestamptz, _>(finished_at)
    .load(connection)?;
    findings.rows(6, "a lot past its date is not empty", rows);
    Ok(())
}
