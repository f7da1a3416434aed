//! Simulations that wait, run or are done. One runs at a time over all processes; the caller sees to that. One whose
//! process ended is run anew.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;
use shared_kernel::text_enum;

use super::{Question, Report};
use crate::error::EngineError;
use crate::ids::Mint;
use crate::schema::ledger::simulations;

/// How long a simulation is kept.
pub const KEPT_DAYS: i64 = 30;

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

/// Puts a question into the queue.
///
/// # Errors
/// The database's.
pub fn add(
    connection: &mut PgConnection,
    question: &Question,
    asked_by: Uuid,
    now: DateTime<Utc>,
) -> Result<Uuid, EngineError> {
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

/// The one to be run next, marked as running: the oldest that waits or whose process ended.
///
/// # Errors
/// The database's.
pub fn next(connection: &mut PgConnection) -> QueryResult<Option<Stored>> {
    let waiting: Option<Uuid> = simulations::table
        .filter(simulations::status.eq_any([SimulationStatus::Queued, SimulationStatus::Running]))
        .order(simulations::id)
        .select(simulations::id)
        .first(connection)
        .optional()?;
    let Some(id) = waiting else { return Ok(None) };
    diesel::update(simulations::table.find(id))
        .set((simulations::status.eq(SimulationStatus::Running), simulations::seen.eq(0)))
        .returning(Stored::as_returning())
        .get_result(connection)
        .map(Some)
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
