//! The thread that runs each job once a day, as soon as the day has begun or the program is up again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use cashback_engine::days::date_in;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::advisory;
use shared_kernel::schema::platform::job_runs;

use super::{Job, NIGHTLY, ensure_partitions, run};
use crate::app::App;
use crate::problem::Problem;

/// The lock under which one process runs the jobs: "nightly!" in ASCII.
const JOBS_LOCK: i64 = 0x6e69_6768_746c_7921;
const PAUSE: Duration = Duration::from_secs(20);
/// How long after midnight the day before is closed.
const CLOSING_DELAY: TimeDelta = TimeDelta::minutes(10);

/// Starts the thread; it ends with the program.
///
/// # Errors
/// When no thread can be made.
pub fn start(app: &Arc<App>) -> std::io::Result<()> {
    let app: Weak<App> = Arc::downgrade(app);
    std::thread::Builder::new().name("jobs".into()).spawn(move || {
        while let Some(app) = App::going(&app) {
            if let Err(problem) = due(&app) {
                tracing::warn!(%problem, "a nightly job is late");
            }
            drop(app);
            std::thread::sleep(PAUSE);
        }
    })?;
    Ok(())
}

fn due(app: &App) -> Result<(), Problem> {
    let mut connection = app.connection()?;
    advisory::if_free(&mut connection, JOBS_LOCK, |connection| run_due(app, connection)).map(|_| ())
}

fn run_due(app: &App, connection: &mut PgConnection) -> Result<(), Problem> {
    let now = app.now();
    let today = date_in(app.zone, now);
    for job in NIGHTLY {
        // Whoever began to post before midnight has ended by then, and need not begin anew.
        let too_early = *job == Job::CloseDay && date_in(app.zone, now - CLOSING_DELAY) < today;
        if too_early || has_run(connection, *job, today)? {
            continue;
        }
        ensure_partitions(connection, today)?;
        let report = run(app, connection, *job, now)?;
        tracing::info!(?report, "nightly job");
        note_run(connection, *job, today, app.now())?;
    }
    Ok(())
}

fn has_run(connection: &mut PgConnection, job: Job, day: NaiveDate) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(job_runs::table.find((job.name(), day)))).get_result(connection)
}

fn note_run(
    connection: &mut PgConnection,
    job: Job,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(job_runs::table)
        .values((job_runs::job.eq(job.name()), job_runs::day.eq(day), job_runs::finished_at.eq(now)))
        .on_conflict_do_nothing()
        .execute(connection)
}
