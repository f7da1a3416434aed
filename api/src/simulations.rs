//! The thread that tries changes of rules on past purchases: one simulation at a time over all processes; one whose
//! process ended is run anew, once. The thread outlives whatever it tries.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use cashback_engine::posting::Audience;
use cashback_engine::rules::simulate::queue::{self, Stored};
use cashback_engine::rules::simulate::{self, Question, Report};
use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use shared_kernel::advisory;
use shared_kernel::ids::{MemberId, Uuid};
use union_registry::facts;

use crate::app::App;
use crate::posting::identify;
use crate::problem::{Language, Problem};

/// The lock under which one process simulates: "simulate" in ASCII.
const SIMULATIONS_LOCK: i64 = 0x7369_6d75_6c61_7465;
/// How long the thread sleeps unless woken; another process may have left something.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the database may be lost in one simulation: it may be the simulation that it can't bear, or somebody who
/// ends it there.
const CUT_OFFS_MAX: u32 = 5;

/// Wakes the thread when there is something to do.
#[derive(Debug, Default)]
pub struct Waker {
    called: Mutex<bool>,
    changed: Condvar,
}

impl Waker {
    /// There is something to do.
    pub fn wake(&self) {
        if let Ok(mut called) = self.called.lock() {
            *called = true;
            self.changed.notify_one();
        }
    }

    fn sleep(&self) {
        if let Ok(called) = self.called.lock()
            && let Ok((mut called, _)) = self.changed.wait_timeout_while(called, PAUSE, |called| !*called)
        {
            *called = false;
        }
    }
}

/// Starts the thread; it ends with the program.
///
/// # Errors
/// When no thread can be made.
pub fn start(app: &Arc<App>) -> std::io::Result<()> {
    let waker = Arc::clone(&app.simulations);
    let app: Weak<App> = Arc::downgrade(app);
    std::thread::Builder::new().name("simulations".into()).spawn(move || {
        let mut cut_off = None;
        while let Some(app) = App::going(&app) {
            let worked = work_off(&app, &mut cut_off).unwrap_or_else(|problem| {
                tracing::warn!(%problem, "a simulation is not worked off");
                false
            });
            drop(app);
            if !worked {
                waker.sleep();
            }
        }
    })?;
    Ok(())
}

/// The simulation that the database was lost in last, and how often by now: no process ended in it.
#[derive(Clone, Copy)]
struct CutOff {
    id: Uuid,
    times: u32,
}

/// Works one waiting simulation off; whether there was one.
fn work_off(app: &App, cut_off: &mut Option<CutOff>) -> Result<bool, Problem> {
    let mut connection = app.connection()?;
    let worked = advisory::if_free(&mut connection, SIMULATIONS_LOCK, |connection| {
        if let Some(CutOff { id, times }) = *cut_off
            && queue::put_back(connection, id)?
            && times >= CUT_OFFS_MAX
        {
            let problem = format!("the database was lost in it {CUT_OFFS_MAX} times");
            queue::end(connection, id, Err(problem), app.now())?;
        }
        let Some(stored) = queue::next(connection, app.now())? else {
            *cut_off = None;
            return Ok(false);
        };
        let id = stored.id;
        let before = cut_off.filter(|lost| lost.id == id).map_or(0, |lost| lost.times);
        let done = one(app, connection, stored);
        *cut_off = match &done {
            Err(problem) if problem.status().as_u16() == 503 => Some(CutOff { id, times: before + 1 }),
            _ => None,
        };
        done.map(|()| true)
    })?;
    Ok(worked.unwrap_or(false))
}

fn one(app: &App, connection: &mut PgConnection, stored: Stored) -> Result<(), Problem> {
    let id = stored.id;
    match caught(connection, |connection| answer(app, connection, stored)) {
        Ok(report) => queue::end(connection, id, Ok(&report), app.now())?,
        // It stays in the queue: the database is away, not the question wrong.
        Err(problem) if problem.status().as_u16() == 503 => {
            return Err(problem);
        }
        Err(problem) => {
            let body = problem.body(Language::English);
            tracing::warn!(%problem, "a simulation failed");
            queue::end(connection, id, Err(body.detail), app.now())?;
        }
    }
    Ok(())
}

/// A panic is a problem like any other, and leaves no cursor open behind it.
fn caught<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, Problem>,
) -> Result<T, Problem> {
    match catch_unwind(AssertUnwindSafe(|| work(connection))) {
        Ok(done) => done,
        Err(_) => {
            connection.batch_execute("CLOSE ALL")?;
            Err(Problem::internal("a simulation panicked"))
        }
    }
}

fn answer(app: &App, connection: &mut PgConnection, stored: Stored) -> Result<Report, Problem> {
    let question: Question =
        serde_json::from_value(stored.question).map_err(|error| Problem::internal(&error))?;
    simulate::simulate(connection, &app.books, &question, &mut audiences, &mut |connection, seen, of| {
        queue::progress(connection, stored.id, seen, of).map_err(Problem::from)
    })
}

/// What rules ask about members as of their purchases, told by the function that posting asks.
fn audiences(
    connection: &mut PgConnection,
    asked: &[(MemberId, DateTime<Utc>)],
) -> Result<Vec<Audience>, Problem> {
    let facts = facts::facts_for_posting(connection, asked)?;
    Ok(facts.into_iter().map(|facts| facts.map(identify::audience).unwrap_or_default()).collect())
}
