//! The thread that works off files taken over the API: one file at a time over all processes, resumed after a restart.
//! While no file waits it makes the cards ordered for whole organisations.

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::http::StatusCode;
use diesel::pg::PgConnection;
use shared_kernel::advisory;
use union_registry::imports::{ImportError, Report};

use super::import_queue::{self, NotTaken};
use super::imports::{self, FileError, ImportFault};
use super::registers;
use crate::app::App;
use crate::auth::keyring;
use crate::print::orders;
use crate::problem::Problem;

/// The lock under which one process works files off: "filework" in ASCII.
const FILES_LOCK: i64 = 0x6669_6c65_776f_726b;
const PAUSE: Duration = Duration::from_millis(300);

/// Starts the thread; it ends with the program.
///
/// # Errors
/// When no thread can be made.
pub fn start(app: &Arc<App>) -> std::io::Result<()> {
    let app: Weak<App> = Arc::downgrade(app);
    std::thread::Builder::new().name("files".into()).spawn(move || {
        while let Some(app) = App::going(&app) {
            match work_off(&app) {
                Ok(true) => {}
                Ok(false) => std::thread::sleep(PAUSE),
                Err(problem) => {
                    tracing::warn!(%problem, "a file is not worked off");
                    std::thread::sleep(PAUSE);
                }
            }
        }
    })?;
    Ok(())
}

/// Works one waiting file off, or a part of an order; whether there was one.
fn work_off(app: &App) -> Result<bool, Problem> {
    let mut connection = app.connection()?;
    // A process that began before the master key's current version leaves files to those that seal with it.
    if keyring::current_version(&mut connection)? != app.master.current() {
        return Ok(false);
    }
    let worked = advisory::if_free(&mut connection, FILES_LOCK, |connection| {
        one_import(app, connection)
            .and_then(|worked| if worked { Ok(true) } else { registers::work_off(app) })
            .and_then(|worked| if worked { Ok(true) } else { orders::work_off(app) })
    })?;
    Ok(worked.unwrap_or(false))
}

/// Works the oldest import off; whether there was one. Its outcome is recorded in the transaction that takes the file, so
/// that neither is ever there without the other. Where the database was lost on the way the import stays as it was, to be
/// tried again.
fn one_import(app: &App, connection: &mut PgConnection) -> Result<bool, Problem> {
    let Some(import) = import_queue::next(connection)? else { return Ok(false) };
    if !import_queue::begin(connection, import.id)? {
        return Ok(true);
    }
    let mut record = |connection: &mut PgConnection, report: &Report| {
        let report = serde_json::to_value(report).map_err(std::io::Error::from)?;
        Ok(import_queue::end(connection, import.id, Ok(report), app.now())?)
    };
    let not_taken = match import.request() {
        Some(request) => match imports::run_recorded(app, &request, &mut record, app.now()) {
            Ok(_) => return Ok(true),
            Err(error) => not_taken(error)?,
        },
        None => NotTaken { words: "the kind of file is unknown".to_owned(), fault: None },
    };
    import_queue::end(connection, import.id, Err(not_taken), app.now())?;
    Ok(true)
}

/// What is remembered of a file that wasn't taken; a cause that isn't the file's is for the log.
fn not_taken(error: FileError) -> Result<NotTaken, Problem> {
    if let FileError::Import(ImportError::File { fault, line }) = &error {
        return Ok(NotTaken { words: error.to_string(), fault: Some(ImportFault::of(fault, *line)) });
    }
    let problem = error.into_problem();
    // The problem's cause is in the log already.
    if problem.status() == StatusCode::SERVICE_UNAVAILABLE {
        return Err(problem);
    }
    Ok(NotTaken { words: "the file could not be worked off".to_owned(), fault: None })
}
