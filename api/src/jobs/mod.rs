//! Nightly jobs: what they are, how one runs, and the thread that runs them after each midnight of the programme's
//! zone. Each can run twice or late and changes nothing the second time.

mod nightly;

use std::str::FromStr;

use cashback_engine::days::date_in;
use cashback_engine::jobs as engine;
use chrono::{DateTime, Months, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde::Serialize;
use shared_kernel::schema::platform::installation;

pub use nightly::start;

use crate::app::{App, PROGRAMME_ZONE};
use crate::problem::Problem;

/// A job, by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Pending cashback whose hold is over becomes available.
    ReleaseHolds,
    /// Available cashback pays debts.
    PayDebts,
    /// Lots past their last day expire.
    Expire,
    /// Authorisations older than seven days are given up.
    VoidAuthorizations,
    /// Codes, tokens, resolutions, idempotency keys and uploads past their use are removed.
    Retention,
}

/// Every job in its fixed nightly order.
pub const NIGHTLY: &[Job] =
    &[Job::ReleaseHolds, Job::PayDebts, Job::Expire, Job::VoidAuthorizations, Job::Retention];

impl Job {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReleaseHolds => "release-holds",
            Self::PayDebts => "pay-debts",
            Self::Expire => "expire",
            Self::VoidAuthorizations => "void-authorizations",
            Self::Retention => "retention",
        }
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || NIGHTLY.iter().map(|job| job.name()).collect::<Vec<_>>().join(", ");
        NIGHTLY
            .iter()
            .copied()
            .find(|job| job.name() == name)
            .ok_or_else(|| format!("the jobs are {}", known()))
    }
}

/// What a job did.
#[derive(Debug, Serialize)]
pub struct JobReport {
    job: &'static str,
    at: DateTime<Utc>,
    done: u64,
}

/// Runs a job, judged as of `at`, booked now.
///
/// # Errors
/// The database's; nothing has changed then.
pub fn run(
    app: &App,
    connection: &mut PgConnection,
    job: Job,
    at: DateTime<Utc>,
) -> Result<JobReport, Problem> {
    let now = app.now();
    let done = connection.transaction::<_, Problem, _>(|connection| {
        Ok(match job {
            Job::ReleaseHolds => engine::release_holds(connection, &app.books, at, now)?,
            Job::PayDebts => engine::pay_debts(connection, &app.books, at, now)?,
            Job::Expire => engine::expire(connection, &app.books, at, now)?,
            Job::VoidAuthorizations => engine::void_authorizations(connection, &app.books, at, now)?,
            Job::Retention => retention(app, connection, at)?,
        })
    })?;
    Ok(JobReport { job: job.name(), at, done: u64::try_from(done).unwrap_or(0) })
}

fn retention(app: &App, connection: &mut PgConnection, at: DateTime<Utc>) -> Result<i64, Problem> {
    let removed = card_issuer::resolutions::sweep(connection, at)?
        + crate::auth::retention::sweep(connection, at)?
        + crate::files::retention::sweep(app, connection, at)?;
    Ok(i64::try_from(removed).unwrap_or(i64::MAX))
}

/// Makes the ledger's months ahead, so that no purchase waits for one.
///
/// # Errors
/// The database's.
pub fn ensure_partitions(connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<()> {
    let today = date_in(PROGRAMME_ZONE, now);
    engine::ensure_partitions(connection, today, today + Months::new(3))?;
    Ok(())
}

/// Whether this is a live installation, which takes no job as of a time to come.
///
/// # Errors
/// The database's.
pub fn is_live(connection: &mut PgConnection) -> QueryResult<bool> {
    let kind: String = installation::table.select(installation::kind).first(connection)?;
    Ok(kind == "live")
}
