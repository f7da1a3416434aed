//! Files in: organisations and members from CSV or XLSX of any size.
//!
//! | phase | what it does | what it holds in memory |
//! |---|---|---|
//! | read | bytes → text → cells ([`rows`]): encoding, separator and line ends are found out | a chunk, a row |
//! | check | cells → fields, faults told row by row; contacts sealed | the codes of existing organisations |
//! | stage | `COPY` into a temporary table of this connection | a buffer |
//! | compare | what the rows mean together and beside what is stored, in SQL | a page of refused rows |
//! | write | insert what is new, change what differs, leave the rest | nothing |
//!
//! [`organisations`] and [`members`] run in one transaction (a savepoint within the caller's): the file as a whole is
//! either read to its end or changes nothing. A refused row keeps the others from nothing. Each refused row goes to the
//! caller's [`Refused`] once, with its line, all reasons and its cells; rows that fail by themselves come first, those
//! that fail beside others (doubled, unknown parent, a cycle, left) after them. [`rejected::Writer`] makes
//! `FILE.rejected.csv` of them.
//!
//! The same file again changes nothing, whatever its encoding. A member's changed `organisation_code` is a transfer on
//! the day of the import. The columns may stand in any order; none may be missing, doubled or extra, but for the two that
//! a `FILE.rejected.csv` begins with.
//!
//! To issue cards to the new members in the same transaction, call [`members`] and then page through [`created`] inside
//! one transaction of the caller's.

pub mod columns;
mod copy;
mod csv;
mod decode;
mod markup;
mod members;
mod organisations;
pub mod rejected;
pub mod rows;
mod xlsx;

use std::collections::BTreeMap;
use std::io;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

pub use members::{ContactChange, Created, MEMBER_COLUMNS, changed_contacts, created, members};
pub use organisations::{ORGANISATION_COLUMNS, organisations};

/// What an import did: `read = created + updated + unchanged + rejected`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Rows after the header, blank lines apart.
    pub read: u64,
    /// Rows that made something new.
    pub created: u64,
    /// Rows that changed something.
    pub updated: u64,
    /// Rows that were all there already.
    pub unchanged: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Refused rows by reason; a row with two reasons counts under both.
    pub reasons: BTreeMap<String, u64>,
    /// How long it took; for the caller to fill in, who has a clock.
    pub seconds: f64,
}

impl Report {
    /// Counts a refused row under its reasons.
    pub fn refuse(&mut self, reasons: &[&str]) {
        self.rejected += 1;
        for reason in reasons {
            match self.reasons.get_mut(*reason) {
                Some(count) => *count += 1,
                None => {
                    self.reasons.insert((*reason).to_owned(), 1);
                }
            }
        }
    }
}

/// A refused row.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
    /// The line it begins on, the header being line 1; in XLSX the row's number.
    pub line: u64,
    /// Why, each reason once, in the order of the columns.
    pub reasons: &'a [&'a str],
    /// Its cells as they were.
    pub cells: &'a [&'a str],
}

/// Takes refused rows one by one. It runs while the connection is busy with the import and cannot use it.
pub type Refused<'a> = dyn FnMut(Rejected<'_>) -> io::Result<()> + 'a;

/// Why a file as a whole was not taken. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// No header, or no byte at all.
    #[error("the file is empty")]
    Empty,
    /// Columns that should be there and are not.
    #[error("missing columns: {}", .0.join(", "))]
    MissingColumns(Vec<&'static str>),
    /// A column that stands twice.
    #[error("doubled column: {0}")]
    DoubledColumn(String),
    /// A column that should not be there.
    #[error("unknown column: {0}")]
    UnknownColumn(String),
    /// Bytes that are neither UTF-8 nor Windows-1251.
    #[error("the file is neither UTF-8 nor Windows-1251")]
    Undecodable,
    /// UTF-16 or UTF-32.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// The file ends inside quotes.
    #[error("the file ends inside quotes")]
    OpenQuote,
    /// More than a megabyte without an end of the row.
    #[error("a row is longer than a megabyte")]
    RowTooLong,
    /// A workbook that unpacks to too much.
    #[error("the workbook unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A workbook that cannot be read.
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
}

impl FileFault {
    /// The fault's slug.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::MissingColumns(_) => "missing_columns",
            Self::DoubledColumn(_) => "doubled_column",
            Self::UnknownColumn(_) => "unknown_column",
            Self::Undecodable => "undecodable",
            Self::Utf16 => "utf16",
            Self::OpenQuote => "open_quote",
            Self::RowTooLong => "row_too_long",
            Self::TooLarge(_) => "too_large",
            Self::Workbook(_) => "unreadable_workbook",
        }
    }
}

/// Why an import ended without a report. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is at fault.
    #[error("line {line}: {fault}")]
    File {
        /// What is wrong with it.
        fault: FileFault,
        /// Where.
        line: u64,
    },
    /// The file could not be read, or a refused row not be written down.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A sealed value could not be opened.
    #[error(transparent)]
    Sealed(#[from] crate::sealing::SealError),
    /// The database's.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
}

impl ImportError {
    fn file(fault: FileFault, line: u64) -> Self {
        Self::File { fault, line }
    }
}

/// Kept between cells in the staging tables; no cell that is staged has a control character.
const CELL_SEPARATOR: char = '\u{1f}';
/// Refused rows read back at a time.
const REFUSED_PAGE: i64 = 2_000;
/// From so many changed rows on the planner's figures are taken anew.
const ANALYZED_MIN: u64 = 100;
/// The key of the lock that makes imports one after another: "imports" in ASCII.
const IMPORT_LOCK: i64 = 0x69_6d70_6f72_7473;

#[derive(QueryableByName)]
struct RefusedRow {
    #[diesel(sql_type = BigInt)]
    line: i64,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    raw: String,
}

/// Tells of the rows refused after staging, page by page in the order of the file.
fn tell_refused(
    connection: &mut PgConnection,
    refused: &mut Refused<'_>,
    report: &mut Report,
) -> Result<(), ImportError> {
    connection.batch_execute("CREATE INDEX ON refused_rows (line)")?;
    let mut after = 0;
    loop {
        let page: Vec<RefusedRow> = diesel::sql_query(
            "SELECT line, reason, raw FROM refused_rows WHERE line > $1 ORDER BY line LIMIT $2",
        )
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(REFUSED_PAGE)
        .load(connection)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.line;
        for row in &page {
            let cells: Vec<&str> = row.raw.split(CELL_SEPARATOR).collect();
            let reasons = [row.reason.as_str()];
            report.refuse(&reasons);
            let line = u64::try_from(row.line).unwrap_or_default();
            refused(Rejected { line, reasons: &reasons, cells: &cells })?;
        }
    }
}

/// What an import writes, for [`with_bulk_keys`].
struct Bulk {
    /// The tables, the main one first.
    tables: &'static str,
    /// The main one's unique constraints that the writing can do without.
    keys: &'static str,
    /// The tables again, with the columns that later statements are planned by; all of them where none are named.
    figures: &'static str,
}

/// Runs `write` with what hinders a first import set aside (`set_aside.sql`). `write` tells how many rows it changed:
/// after many the planner is given new figures, since what follows in the same transaction would be planned for the
/// tables as they were, at twice the time.
fn with_bulk_keys(
    connection: &mut PgConnection,
    bulk: &Bulk,
    write: impl FnOnce(&mut PgConnection) -> QueryResult<u64>,
) -> QueryResult<()> {
    let Bulk { tables, keys, figures } = bulk;
    connection.batch_execute(include_str!("set_aside.sql"))?;
    connection.batch_execute(&format!("SELECT pg_temp.set_aside('{{{tables}}}', '{{{keys}}}')"))?;
    let changed = write(connection)?;
    connection.batch_execute("SELECT pg_temp.put_back()")?;
    if changed >= ANALYZED_MIN {
        connection.batch_execute(&format!("ANALYZE {figures}"))?;
    }
    Ok(())
}

/// Keeps imports out until the caller's transaction ends; whether none is running.
pub(crate) fn keep_out(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::select(
        diesel::dsl::sql::<diesel::sql_types::Bool>("pg_try_advisory_xact_lock(")
            .bind::<BigInt, _>(IMPORT_LOCK)
            .sql(")"),
    )
    .get_result(connection)
}

/// Waits for other imports: two at once would each take the other's rows for new.
fn lock(connection: &mut PgConnection, key: i64) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(key).execute(connection)?;
    Ok(())
}
