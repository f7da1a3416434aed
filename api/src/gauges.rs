//! What waits and what runs low, read when somebody asks: figures of the database that every process tells alike, and
//! those of this process.

use card_issuer::numbering;
use cashback_engine::days::date_in;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::dsl::{count_star, min};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use prometheus::{IntGaugeVec, Opts, Registry, TextEncoder};
use shared_kernel::schema::platform::{deliveries, job_runs, outbox};

use crate::app::App;
use crate::jobs::NIGHTLY;
use crate::problem::Problem;

/// From this long after midnight on, a nightly job that hasn't run is late.
const NIGHT: TimeDelta = TimeDelta::hours(1);

/// Gauges under construction.
#[derive(Default)]
struct Gauges(Registry);

impl Gauges {
    /// Adds one, with a figure for each value of its label.
    fn add(&self, name: &str, help: &str, label: &str, values: &[(&str, i64)]) -> Result<(), Problem> {
        let gauge = IntGaugeVec::new(Opts::new(name, help), &[label]).map_err(|e| Problem::internal(&e))?;
        values.iter().for_each(|(value, count)| gauge.with_label_values(&[*value]).set(*count));
        self.0.register(Box::new(gauge)).map_err(|e| Problem::internal(&e))
    }

    /// In Prometheus' text format.
    fn render(&self) -> Result<String, Problem> {
        TextEncoder::new().encode_to_string(&self.0.gather()).map_err(|e| Problem::internal(&e))
    }
}

/// What this process tells of itself: orders on their way into the ledger, and its connections to the database.
///
/// # Errors
/// None that a test hasn't met.
pub fn of_process(app: &App) -> Result<String, Problem> {
    let gauges = Gauges::default();
    let pool = app.pool.state();
    let (all, idle) = (i64::from(pool.connections), i64::from(pool.idle_connections));
    let waiting = i64::try_from(app.posting.waiting()).unwrap_or(i64::MAX);
    gauges.add(
        "unioncard_posting_queue",
        "Purchases, refunds and the like in the posting queue",
        "state",
        &[("waiting", waiting)],
    )?;
    gauges.add(
        "unioncard_database_connections",
        "Connections of the pool",
        "state",
        &[("used", all - idle), ("idle", idle)],
    )?;
    if let Some(left) = app.wallets.apple_left(app.now()) {
        gauges.add(
            "unioncard_wallet_certificate_seconds",
            "How long the certificate that signs passes is still good",
            "wallet",
            &[("apple", left.num_seconds())],
        )?;
    }
    gauges.render()
}

/// What the database tells.
///
/// # Errors
/// The database's.
pub fn of_database(app: &App, connection: &mut PgConnection) -> Result<String, Problem> {
    let now = app.now();
    let gauges = Gauges::default();
    let (events, oldest) = outbox::table
        .select((count_star(), min(outbox::occurred_at)))
        .first::<(i64, Option<DateTime<Utc>>)>(connection)?;
    let lag = oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
    gauges.add("unioncard_outbox_events", "Events not yet told", "state", &[("waiting", events)])?;
    gauges.add("unioncard_outbox_lag_seconds", "Age of the oldest", "state", &[("waiting", lag)])?;
    gauges.add("unioncard_letters", "Letters by how they stand", "state", &letters(connection, now)?)?;
    let late = late_jobs(connection, date_in(app.zone, now - NIGHT))?;
    gauges.add("unioncard_jobs_late", "Nightly jobs not yet run today", "job", &late)?;
    let programme = numbering::current(connection)?.to_string();
    let left = numbering::numbers_left(connection)?;
    gauges.add(
        "unioncard_card_numbers_left",
        "Card numbers left",
        "programme",
        &[(programme.as_str(), left)],
    )?;
    gauges.render()
}

/// Letters that wait, those of them that are due, and those given up.
fn letters(connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<[(&'static str, i64); 3]> {
    let waiting = || deliveries::table.filter(deliveries::failed_at.is_null());
    let all: i64 = waiting().count().get_result(connection)?;
    let due: i64 = waiting().filter(deliveries::due_at.lt(now)).count().get_result(connection)?;
    let given_up: i64 =
        deliveries::table.filter(deliveries::failed_at.is_not_null()).count().get_result(connection)?;
    Ok([("waiting", all), ("due", due), ("given_up", given_up)])
}

/// Each nightly job, 1 when today's run is missing although the night is over.
fn late_jobs(connection: &mut PgConnection, day: NaiveDate) -> QueryResult<Vec<(&'static str, i64)>> {
    let ran: Vec<String> =
        job_runs::table.filter(job_runs::day.ge(day)).select(job_runs::job).load(connection)?;
    Ok(NIGHTLY
        .iter()
        .map(|job| (job.name(), i64::from(!ran.iter().any(|name| name == job.name()))))
        .collect())
}
