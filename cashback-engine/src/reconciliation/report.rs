//! What a register came to: its outcomes and totals, what only we have, and its rows for people to read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use shared_kernel::money::Money;
use shared_kernel::paging::{Limit, Page};

use super::{Outcome, RegisterMode, RegisterStatus, RowKind};
use crate::ids::{PartnerId, PurchaseId, RegisterId};
use crate::schema::ledger::{programme, register_rows, registers};

/// A register as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterView {
    /// The identifier.
    pub id: RegisterId,
    /// Whose.
    pub partner: PartnerId,
    /// The file's name.
    pub file_name: String,
    /// What for.
    pub mode: RegisterMode,
    /// Whether it is history.
    pub history: bool,
    /// How far it is.
    pub status: RegisterStatus,
    /// Why it was given up.
    pub problem: Option<String>,
    /// Rows in the file.
    pub rows: i64,
    /// Rows of the file that have their outcome.
    pub done_rows: i64,
    /// How many rows ended in each outcome; all eight.
    pub outcomes: BTreeMap<Outcome, i64>,
    /// What they come to.
    pub amounts: Totals,
    /// When it was loaded.
    pub created_at: DateTime<Utc>,
    /// When it was finished.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Sales less refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Of all the file's rows that have an amount.
    pub theirs: Money,
    /// Of our purchases and refunds the rows are about, with those the file misses.
    pub ours: Money,
}

/// A row with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = register_rows)]
pub struct RowView {
    /// Its place, and the key of pages.
    pub place: i64,
    /// Its line in the file; none for what only we have.
    pub line: Option<i64>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// Why, as a stable word.
    pub reason: Option<String>,
    /// What it is about.
    pub kind: Option<RowKind>,
    /// The outlet's code.
    pub outlet: Option<String>,
    /// The receipt.
    pub receipt: Option<String>,
    /// When.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Card number or membership number as the file gives it.
    pub holder: Option<String>,
    /// Their amount.
    pub amount: Option<Money>,
    /// Ours.
    pub our_amount: Option<Money>,
    /// The category.
    pub category: Option<String>,
    /// A refund's reference.
    pub reference: Option<String>,
    /// The purchase.
    pub purchase_id: Option<PurchaseId>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = registers)]
struct RegisterRow {
    id: RegisterId,
    partner_id: PartnerId,
    file_name: String,
    mode: RegisterMode,
    history: bool,
    status: RegisterStatus,
    problem: Option<String>,
    row_count: i64,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

/// Ends a register whose rows all have their outcome: finds what only we have, of the outlets and days the file
/// covers. Again changes nothing. Whether it is done (rows may still be pending).
///
/// # Errors
/// The database's.
pub fn finish(connection: &mut PgConnection, id: RegisterId, now: DateTime<Utc>) -> QueryResult<bool> {
    connection.transaction(|connection| {
        let status: RegisterStatus =
            registers::table.find(id).for_update().select(registers::status).first(connection)?;
        if !matches!(status, RegisterStatus::Queued | RegisterStatus::Running) {
            return Ok(status == RegisterStatus::Done);
        }
        let pending: i64 = register_rows::table
            .filter(register_rows::register_id.eq(id).and(register_rows::outcome.is_null()))
            .count()
            .get_result(connection)?;
        if pending > 0 {
            return Ok(false);
        }
        let zone: String = programme::table.select(programme::zone).first(connection)?;
        // How many rows a file lists isn't known to the planner: row by row, or by outlets alone, it would take hours.
        connection.batch_execute("SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off")?;
        diesel::sql_query(include_str!("only_ours.sql"))
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(zone)
            .execute(connection)?;
        diesel::update(registers::table.find(id))
            .set((registers::status.eq(RegisterStatus::Done), registers::finished_at.eq(now)))
            .execute(connection)?;
        Ok(true)
    })
}

/// A register; another partner's is none.
///
/// # Errors
/// The database's.
pub fn register(
    connection: &mut PgConnection,
    id: RegisterId,
    partner: Option<PartnerId>,
) -> QueryResult<Option<RegisterView>> {
    let row: Option<RegisterRow> =
        registers::table.find(id).select(RegisterRow::as_select()).first(connection).optional()?;
    match row.filter(|row| partner.is_none_or(|partner| row.partner_id == partner)) {
        Some(row) => view(connection, row).map(Some),
        None => Ok(None),
    }
}

/// Registers, newest first, of one partner or of all.
///
/// # Errors
/// The database's.
pub fn registers(
    connection: &mut PgConnection,
    partner: Option<PartnerId>,
    after: Option<RegisterId>,
    limit: Limit,
) -> QueryResult<Page<RegisterView, RegisterId>> {
    let mut query = registers::table.select(RegisterRow::as_select()).into_boxed();
    if let Some(partner) = partner {
        query = query.filter(registers::partner_id.eq(partner));
    }
    if let Some(after) = after {
        query = query.filter(registers::id.lt(after));
    }
    let rows: Vec<RegisterRow> =
        query.order(registers::id.desc()).limit(limit.with_lookahead()).load(connection)?;
    let page = Page::from_lookahead(rows, limit, |row| row.id);
    let items = page.items.into_iter().map(|row| view(connection, row)).collect::<QueryResult<_>>()?;
    Ok(Page { items, next: page.next })
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    outcome: Outcome,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct Summed {
    #[diesel(sql_type = BigInt)]
    theirs: Money,
    #[diesel(sql_type = BigInt)]
    ours: Money,
}

fn view(connection: &mut PgConnection, row: RegisterRow) -> QueryResult<RegisterView> {
    let counted: Vec<Counted> = diesel::sql_query(
        "SELECT outcome, count(*) AS rows FROM ledger.register_rows
         WHERE register_id = $1 AND outcome IS NOT NULL GROUP BY outcome",
    )
    .bind::<SqlUuid, _>(row.id)
    .load(connection)?;
    let summed: Summed = diesel::sql_query(
        "SELECT coalesce(sum(CASE kind WHEN 'refund' THEN -amount ELSE amount END), 0)::bigint AS theirs,
            coalesce(sum(CASE kind WHEN 'refund' THEN -our_amount ELSE our_amount END)
                FILTER (WHERE outcome <> 'rejected'), 0)::bigint AS ours
         FROM ledger.register_rows WHERE register_id = $1",
    )
    .bind::<SqlUuid, _>(row.id)
    .get_result(connection)?;
    let mut outcomes: BTreeMap<Outcome, i64> = Outcome::ALL.iter().map(|outcome| (*outcome, 0)).collect();
    outcomes.extend(counted.iter().map(|counted| (counted.outcome, counted.rows)));
    let done: i64 = counted.iter().filter(|c| c.outcome != Outcome::OnlyOurs).map(|c| c.rows).sum();
    Ok(RegisterView {
        id: row.id,
        partner: row.partner_id,
        file_name: row.file_name,
        mode: row.mode,
        history: row.history,
        status: row.status,
        problem: row.problem,
        rows: row.row_count,
        done_rows: done,
        outcomes,
        amounts: Totals { theirs: summed.theirs, ours: summed.ours },
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

/// A page of a register's rows, in the order of the file, of one outcome or of all.
///
/// # Errors
/// The database's.
pub fn rows(
    connection: &mut PgConnection,
    id: RegisterId,
    outcome: Option<Outcome>,
    after: Option<i64>,
    limit: Limit,
) -> QueryResult<Page<RowView, i64>> {
    let rows = chunk(connection, id, outcome, after.unwrap_or(0), limit.with_lookahead())?;
    Ok(Page::from_lookahead(rows, limit, |row| row.place))
}

/// Hands every row to `take`, in the order of the file, a bounded number in memory.
///
/// # Errors
/// The database's, or `take`'s.
pub fn stream_rows<E: From<diesel::result::Error>>(
    connection: &mut PgConnection,
    id: RegisterId,
    mut take: impl FnMut(&RowView) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = 0;
    loop {
        let rows = chunk(connection, id, None, after, STREAM_CHUNK)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.place;
        rows.iter().try_for_each(&mut take)?;
    }
}

const STREAM_CHUNK: i64 = 5_000;

fn chunk(
    connection: &mut PgConnection,
    id: RegisterId,
    outcome: Option<Outcome>,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<RowView>> {
    let mut query = register_rows::table
        .filter(register_rows::register_id.eq(id).and(register_rows::place.gt(after)))
        .select(RowView::as_select())
        .into_boxed();
    if let Some(outcome) = outcome {
        query = query.filter(register_rows::outcome.eq(outcome));
    }
    query.order(register_rows::place).limit(limit).load(connection)
}
