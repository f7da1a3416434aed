//! Nightly jobs: what they are, how one runs, and the thread that runs them after each midnight of the programme's
//! zone. Each can run twice or late and changes nothing the second time.

mod nightly;

use std::str::FromStr;
use std::time::Instant;

use cashback_engine::days::date_in;
use cashback_engine::jobs as engine;
use cashback_engine::ledger::closing::{self, ClosedDay};
use cashback_engine::{balances, tiers};
use chrono::{DateTime, Months, NaiveDate, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde::Serialize;
use shared_kernel::schema::platform::installation;

pub use nightly::start;

use crate::app::App;
use crate::delivery::{expiry, webhooks};
use crate::problem::Problem;
use crate::wallets::apple::registrations;
use crate::wallets::changes;

/// A job, by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Pending cashback whose hold is over becomes available.
    ReleaseHolds,
    /// Available cashback pays debts.
    PayDebts,
    /// Members get the tier they deserve once a period has ended.
    Tiers,
    /// Lots past their last day expire.
    Expire,
    /// Members hear of what expires 30 and 7 days ahead.
    ExpiryNotices,
    /// Authorisations older than seven days are given up.
    VoidAuthorizations,
    /// Claims that nobody decided in time end, each with its reason.
    Claims,
    /// Days that are over are closed: accounts' totals and a chained hash.
    CloseDay,
    /// Passes in wallets are looked at anew: what the calendar alone changes, or nothing told of.
    Wallets,
    /// Codes, tokens, resolutions, idempotency keys, uploads and simulations past their use are removed.
    Retention,
}

/// Every job in its fixed nightly order.
pub const NIGHTLY: &[Job] = &[
    Job::ReleaseHolds,
    Job::PayDebts,
    Job::Tiers,
    Job::Expire,
    Job::ExpiryNotices,
    Job::VoidAuthorizations,
    Job::Claims,
    Job::CloseDay,
    Job::Wallets,
    Job::Retention,
];

impl Job {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReleaseHolds => "release-holds",
            Self::PayDebts => "pay-debts",
            Self::Tiers => "tiers",
            Self::Expire => "expire",
            Self::ExpiryNotices => "expiry-notices",
            Self::VoidAuthorizations => "void-authorizations",
            Self::Claims => "claims",
            Self::CloseDay => "close-day",
            Self::Wallets => "wallets",
            Self::Retention => "retention",
        }
    }
}

impl Job {
    /// Whether it posts: no event tells of what a job moves, there are too many.
    fn moves_balances(self) -> bool {
        match self {
            Self::ReleaseHolds | Self::PayDebts | Self::Expire | Self::VoidAuthorizations => true,
            Self::Tiers
            | Self::ExpiryNotices
            | Self::Claims
            | Self::CloseDay
            | Self::Wallets
            | Self::Retention => false,
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
    /// How many lots, members, purchases, days or rows.
    done: u64,
    /// The last day that was closed, with its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedDay>,
    seconds: f64,
}

/// Runs a job to its end, judged as of `at`, booked now: a bounded part a transaction, so that nobody waits long for it
/// and a killed run goes on where it stopped.
///
/// # Errors
/// The database's; the parts that were done stay done.
pub fn run(
    app: &App,
    connection: &mut PgConnection,
    job: Job,
    at: DateTime<Utc>,
) -> Result<JobReport, Problem> {
    run_watched(app, connection, job, at, &mut |_| {})
}

/// [`run`], where `progress` hears after each part how much is done.
///
/// # Errors
/// As [`run`].
pub fn run_watched(
    app: &App,
    connection: &mut PgConnection,
    job: Job,
    at: DateTime<Utc>,
    progress: &mut dyn FnMut(u64),
) -> Result<JobReport, Problem> {
    let started = Instant::now();
    let mut report = JobReport { job: job.name(), at, done: 0, closed: None, seconds: 0.0 };
    loop {
        let (done, closed) =
            connection.transaction::<_, Problem, _>(|connection| part(app, connection, job, at))?;
        report.done += u64::try_from(done).unwrap_or(0);
        report.closed = closed.or(report.closed);
        // What is removed by age goes in one part; everything else ends when nothing is left to do.
        if done == 0 || job == Job::Retention {
            break;
        }
        progress(report.done);
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// One part of a job: how much it did, nothing at the end.
fn part(
    app: &App,
    connection: &mut PgConnection,
    job: Job,
    at: DateTime<Utc>,
) -> Result<(i64, Option<ClosedDay>), Problem> {
    let (books, now) = (&app.books, app.now());
    let done = match job {
        Job::ReleaseHolds => engine::release_holds(connection, books, at, now)?,
        Job::PayDebts => engine::pay_debts(connection, books, at, now)?,
        Job::Tiers => tiers::lower(connection, books, at)?,
        Job::Expire => engine::expire(connection, books, at, now)?,
        Job::ExpiryNotices => expiry::tell(connection, date_in(app.zone, at), now)?,
        Job::VoidAuthorizations => engine::void_authorizations(connection, books, at, now)?,
        Job::Claims => cashback_engine::claims::end_due(connection, books, at, now)?,
        Job::CloseDay => {
            let closed = closing::close_day(connection, books, at, now)?;
            return Ok((i64::from(closed.is_some()), closed));
        }
        Job::Wallets => i64::try_from(changes::sweep(connection, date_in(app.zone, at))?).unwrap_or(i64::MAX),
        Job::Retention => retention(app, connection, at)?,
    };
    if done > 0 && job.moves_balances() {
        let moved = balances::moved_since(connection, now)?;
        changes::mark(connection, &moved)?;
    }
    Ok((done, None))
}

fn retention(app: &App, connection: &mut PgConnection, at: DateTime<Utc>) -> Result<i64, Problem> {
    let removed = card_issuer::resolutions::sweep(connection, at)?
        + card_issuer::revocations::sweep(connection, at)?
        + crate::auth::retention::sweep(connection, at)?
        + cashback_engine::fraud::sweep(connection, date_in(app.zone, at))?
        + crate::files::retention::sweep(app, connection, at)?
        + cashback_engine::rules::simulate::queue::sweep(connection, at)?
        + webhooks::queue::sweep(connection, at)?
        + expiry::sweep(connection, date_in(app.zone, at))?
        + registrations::sweep(connection, at)?;
    Ok(i64::try_from(removed).unwrap_or(i64::MAX))
}

/// Makes the ledger's months ahead, so that no purchase waits for one.
///
/// # Errors
/// The database's.
pub fn ensure_partitions(connection: &mut PgConnection, today: NaiveDate) -> QueryResult<()> {
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
