//! A partner's register against the ledger: every row of the file, and every purchase the file misses, ends in one
//! outcome. The same file again changes nothing: all of it matches.
//!
//! ```text
//! create_register   the file, as a stream, through COPY; whole-file faults refuse all, row faults reject rows
//! pending_rows ⇄ post_rows   in chunks, sales before refunds, by several connections at once where no member's sales are
//!                   divided among them; what has an outcome is done, so a killed run goes on
//! finish            what only we have, of the outlets and days the file covers
//! waiting           a refund that came before its sale is posted with the sale, whoever brings it
//! claimed           a sale that is only compared may be the purchase that a claim became
//! ```

mod claimed;
mod file;
mod outcome;
mod report;
pub(crate) mod waiting;

use std::io::Read;

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use shared_kernel::advisory;
use shared_kernel::ids::Uuid;
use shared_kernel::text_enum;

use crate::error::EngineError;
use crate::ids::{Mint, PartnerId, RegisterId};
use crate::schema::ledger::registers;

pub use file::ROWS_MAX;
pub use outcome::{PendingRow, ResolvedRow, pending_rows, post_rows};
pub use report::{RegisterView, RowView, Totals, finish, register, registers, rows, stream_rows};

text_enum! {
    /// What a register is loaded for.
    RegisterMode {
        /// What is missing is posted.
        Post => "post",
        /// Nothing is posted.
        Compare => "compare",
    }
}

text_enum! {
    /// How far a register is.
    RegisterStatus {
        /// Stored.
        Queued => "queued",
        /// Being posted or compared.
        Running => "running",
        /// Every row has its outcome.
        Done => "done",
        /// Given up, for a reason that is told.
        Failed => "failed",
    }
}

text_enum! {
    /// What a row is about.
    RowKind {
        /// A purchase.
        Sale => "sale",
        /// A refund of one.
        Refund => "refund",
    }
}

text_enum! {
    /// What became of a row.
    Outcome {
        /// It was missing and is posted now.
        Posted => "posted",
        /// We have the same.
        Matched => "matched",
        /// We have it with another amount.
        AmountDiffers => "amount_differs",
        /// We don't have it.
        OnlyTheirs => "only_theirs",
        /// The file doesn't have it.
        OnlyOurs => "only_ours",
        /// It stands in the file twice.
        Duplicate => "duplicate",
        /// It can't be taken, for a reason that is told.
        Rejected => "rejected",
        /// Sent back by the other side (bank statements).
        Returned => "returned",
    }
}

/// A register to be loaded.
#[derive(Debug, Clone)]
pub struct NewRegister {
    /// Whose.
    pub partner: PartnerId,
    /// The file's name, for people.
    pub file_name: String,
    /// What for.
    pub mode: RegisterMode,
    /// Whether rows may be older than registers reach, and carry `membership_number` instead of `card_number`.
    pub history: bool,
    /// Who loads it.
    pub created_by: Uuid,
}

/// Stores a file's rows, in a transaction of its own; nothing is posted yet.
///
/// # Errors
/// [`EngineError::File`] when the file as a whole can't be used: then nothing is stored.
pub fn create_register(
    connection: &mut PgConnection,
    new: &NewRegister,
    content: impl Read,
    now: DateTime<Utc>,
) -> Result<RegisterId, EngineError> {
    let id = RegisterId(Mint::at(now).next());
    connection.transaction(|connection| {
        diesel::insert_into(registers::table)
            .values((
                registers::id.eq(id),
                registers::partner_id.eq(new.partner),
                registers::file_name.eq(&new.file_name),
                registers::mode.eq(new.mode),
                registers::history.eq(new.history),
                registers::status.eq(RegisterStatus::Queued),
                registers::created_by.eq(new.created_by),
                registers::created_at.eq(now),
            ))
            .execute(connection)?;
        let rows = file::copy(connection, id, new.history, content)?;
        // Without statistics of the rows just copied the planner joins them by nested loops.
        diesel::sql_query("ANALYZE ledger.register_rows (register_id, outlet, outcome)")
            .execute(connection)?;
        diesel::sql_query(include_str!("unknown_outlets.sql"))
            .bind::<SqlUuid, _>(id)
            .bind::<SqlUuid, _>(new.partner)
            .execute(connection)?;
        diesel::sql_query(include_str!("duplicates.sql")).bind::<SqlUuid, _>(id).execute(connection)?;
        diesel::sql_query("UPDATE ledger.registers SET row_count = $2 WHERE id = $1")
            .bind::<SqlUuid, _>(id)
            .bind::<BigInt, _>(rows)
            .execute(connection)?;
        Ok(id)
    })
}

/// The oldest register whose rows don't all have their outcome yet and that nobody works on: it waits, or its process
/// has ended. It is taken, until it is given back.
///
/// # Errors
/// The database's.
pub fn take_waiting(connection: &mut PgConnection) -> QueryResult<Option<RegisterId>> {
    let waits = registers::status.eq_any([RegisterStatus::Queued, RegisterStatus::Running]);
    let waiting: Vec<RegisterId> =
        registers::table.filter(waits).order(registers::id).select(registers::id).load(connection)?;
    for id in waiting {
        if !advisory::try_lock(connection, lock_of(id))? {
            continue;
        }
        begin(connection, id)?;
        // Somebody may have ended it between the look and the lock.
        let waits = registers::status.eq_any([RegisterStatus::Queued, RegisterStatus::Running]);
        if diesel::select(exists(registers::table.find(id).filter(waits))).get_result(connection)? {
            return Ok(Some(id));
        }
        give_back(connection, id)?;
    }
    Ok(None)
}

/// Takes a register to work on, once nobody else does; held by the connection until it is given back or ends.
///
/// # Errors
/// The database's.
pub fn take(connection: &mut PgConnection, id: RegisterId) -> QueryResult<()> {
    advisory::lock(connection, lock_of(id))?;
    begin(connection, id)
}

/// Waits for transactions that still post rows of a register whose process has ended, since what they commit has its
/// outcome; from then on the register runs.
fn begin(connection: &mut PgConnection, id: RegisterId) -> QueryResult<()> {
    connection.transaction(|connection| {
        registers::table.find(id).select(registers::id).for_update().execute(connection)?;
        diesel::update(registers::table.find(id).filter(registers::status.eq(RegisterStatus::Queued)))
            .set(registers::status.eq(RegisterStatus::Running))
            .execute(connection)?;
        Ok(())
    })
}

/// Gives a register back.
///
/// # Errors
/// The database's.
pub fn give_back(connection: &mut PgConnection, id: RegisterId) -> QueryResult<()> {
    advisory::unlock(connection, lock_of(id))
}

/// The number of a register's lock: the random half of its identifier.
fn lock_of(id: RegisterId) -> i64 {
    let (_, random) = id.0.as_u64_pair();
    i64::from_ne_bytes(random.to_ne_bytes())
}

/// Gives a register up that waits or runs, with the reason for people.
///
/// # Errors
/// The database's.
pub fn fail(
    connection: &mut PgConnection,
    id: RegisterId,
    problem: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let waits = registers::status.eq_any([RegisterStatus::Queued, RegisterStatus::Running]);
    diesel::update(registers::table.find(id).filter(waits))
        .set((
            registers::status.eq(RegisterStatus::Failed),
            registers::problem.eq(problem),
            registers::finished_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}
