//! Simulations that wait, run or are done. One runs at a time over all processes; the caller sees to that. One whose
//! process ended is run anew, once.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;
use shared_kernel::{advisory, text_enum};

use super::{Question, Report};
use crate::error::EngineError;
use crate::ids::Mint;
use crate::schema::ledger::simulations;

/// How long a simulation is kept.
pub const KEPT_DAYS: i64 = 30;
/// How many of one person's may wait or run.
pub const WAITING_MAX: i64 = 5;
/// How often one is begun.
const ATTEMPTS_MAX: i16 = 2;
/// The lock under which waiting ones are counted: "simqueue" in ASCII.
const QUEUE_LOCK: i64 = 0x7369_6d71_7565_7565;

text_enum! {
    /// How a simulation goes.
    SimulationStatus {
        /// It waits for its turn.
        Queued => "queued",
        /// It runs.
        Running => "running",
        /// It is done.
        Done => "done",
        /// It could not be done.
        Failed => "failed",
    }
}

/// A simulation as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = simulations)]
pub struct Stored {
    /// The identifier.
    pub id: Uuid,
    /// What was asked.
    pub question: serde_json::Value,
    /// How it goes.
    pub status: SimulationStatus,
    /// How many purchases are judged.
    pub seen: i64,
    /// Of how many; `None` before they are counted.
    pub total: Option<i64>,
    /// What was found, once done.
    pub report: Option<serde_json::Value>,
    /// Why it could not be done.
    pub problem: Option<String>,
}

const OPEN: [SimulationStatus; 2] = [SimulationStatus::Queued, SimulationStatus::Running];

/// Puts a question into the queue, in the caller's transaction.
///
/// # Errors
/// [`EngineError::State`] while as many of this person's wait as may; the database's.
pub fn add(
    connection: &mut PgConnection,
    question: &Question,
    asked_by: Uuid,
    now: DateTime<Utc>,
) -> Result<Uuid, EngineError> {
    advisory::lock_in_transaction(connection, QUEUE_LOCK)?;
    let waiting: i64 = simulations::table
        .filter(simulations::created_by.eq(asked_by).and(simulations::status.eq_any(OPEN)))
        .count()
        .get_result(connection)?;
    if waiting >= WAITING_MAX {
        return Err(EngineError::State("five of your simulations wait or run already"));
    }
    let id = Mint::at(now).next();
    let question = serde_json::to_value(question).expect("a question holds text, numbers and lists only");
    diesel::insert_into(simulations::table)
        .values((
            simulations::id.eq(id),
            simulations::question.eq(question),
            simulations::status.eq(SimulationStatus::Queued),
            simulations::created_by.eq(asked_by),
            simulations::created_at.eq(now),
        ))
        .execute(connection)?;
    Ok(id)
}

/// A simulation.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, id: Uuid) -> QueryResult<Option<Stored>> {
    simulations::table.find(id).select(Stored::as_select()).first(connection).optional()
}

/// The one to be run next, marked as running: the oldest that waits or whose process ended. One whose process ended each
/// time it was begun has failed.
///
/// # Errors
/// The database's.
pub fn next(connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<Option<Stored>> {
    let running = simulations::status.eq(SimulationStatus::Running);
    diesel::update(simulations::table.filter(running.and(simulations::attempts.ge(ATTEMPTS_MAX))))
        .set((
            simulations::status.eq(SimulationStatus::Failed),
            simulations::problem.eq("the process that ran it ended, twice"),
            simulations::finished_at.eq(now),
        ))
        .execute(connection)?;
    let waiting: Option<Uuid> = simulations::table
        .filter(simulations::status.eq_any(OPEN))
        .order(simulations::id)
        .select(simulations::id)
        .first(connection)
        .optional()?;
    let Some(id) = waiting else { return Ok(None) };
    diesel::update(simulations::table.find(id))
        .set((
            simulations::status.eq(SimulationStatus::Running),
            simulations::seen.eq(0),
            simulations::attempts.eq(simulations::attempts + 1),
        ))
        .returning(Stored::as_returning())
        .get_result(connection)
        .map(Some)
}

/// Puts one back that was cut off while it ran, as if it had not been begun; whether it was running.
///
/// # Errors
/// The database's.
pub fn put_back(connection: &mut PgConnection, id: Uuid) -> QueryResult<bool> {
    let running = simulations::status.eq(SimulationStatus::Running);
    let put = diesel::update(simulations::table.filter(simulations::id.eq(id).and(running)))
        .set((
            simulations::status.eq(SimulationStatus::Queued),
            simulations::attempts.eq(simulations::attempts - 1),
        ))
        .execute(connection)?;
    Ok(put > 0)
}

/// Notes how far it is.
///
/// # Errors
/// The database's.
pub fn progress(connection: &mut PgConnection, id: Uuid, seen: i64, total: i64) -> QueryResult<()> {
    diesel::update(simulations::table.find(id))
        .set((simulations::seen.eq(seen), simulations::total.eq(total)))
        .execute(connection)?;
    Ok(())
}

/// Notes what came of it.
///
/// # Errors
/// The database's.
pub fn end(
    connection: &mut PgConnection,
    id: Uuid,
    outcome: Result<&Report, String>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let (status, report, problem) = match outcome {
        Ok(report) => {
            let report = serde_json::to_value(report).expect("a report holds text, numbers and lists only");
            (SimulationStatus::Done, Some(report), None)
        }
        Err(problem) => (SimulationStatus::Failed, None, Some(problem)),
    };
    diesel::update(simulations::table.find(id))
        .set((
            simulations::status.eq(status),
            simulations::report.eq(report),
            simulations::problem.eq(problem),
            simulations::finished_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Removes those older than [`KEPT_DAYS`]; how many.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<usize> {
    let oldest = now - chrono::TimeDelta::days(KEPT_DAYS);
    diesel::delete(simulations::table.filter(simulations::created_at.lt(oldest))).execute(connection)
}
