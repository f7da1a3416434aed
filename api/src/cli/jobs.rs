//! `jobs run` and `ledger verify`.

use std::process::ExitCode;
use std::sync::Arc;

use cashback_engine::EngineError;
use cashback_engine::ledger::audit;
use chrono::{DateTime, NaiveDate, Utc};

use super::{Done, print};
use crate::app::App;
use crate::jobs::{self, Job};

/// `jobs run NAME [--at TIME]`: judged as of TIME, booked now.
pub fn run(app: &Arc<App>, job: Job, at: Option<&str>) -> Done {
    let now = app.now();
    let at = match at {
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|_| format!("{text} is no time with an offset, such as 2026-11-21T03:00:00+03:00"))?
            .with_timezone(&Utc),
        None => now,
    };
    let mut connection = app.connection()?;
    if at > now && jobs::is_live(&mut connection)? {
        eprintln!("only a demo or test database takes a time to come");
        return Ok(ExitCode::from(2));
    }
    let report = jobs::run_watched(app, &mut connection, job, at, &mut |done| {
        eprintln!("{}: {done} done", job.name())
    })?;
    print(&report)?;
    Ok(ExitCode::SUCCESS)
}

/// `ledger verify [--since DATE]`: 1 when something is broken, 2 when that day is not closed.
pub fn verify(app: &Arc<App>, since: Option<NaiveDate>) -> Done {
    let (mut connection, mut beside) = (app.connection()?, app.connection()?);
    let report = match audit::verify_by_two((&mut connection, &mut beside), &app.books, since) {
        Ok(report) => report,
        Err(EngineError::Unknown(_)) => {
            eprintln!("{} is not closed", since.map_or_else(String::new, |day| day.to_string()));
            return Ok(ExitCode::from(2));
        }
        Err(error) => return Err(error.into()),
    };
    print(&report)?;
    Ok(ExitCode::from(u8::from(!report.ok)))
}
