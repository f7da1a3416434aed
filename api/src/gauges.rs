//! What waits and what runs low, read when somebody asks: figures of the database that every process tells alike.

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

/// The gauges in Prometheus' text format.
///
/// # Errors
/// The database's.
pub fn render(app: &App, connection: &mut PgConnection) -> Result<String, Problem> {
    let now = app.now();
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, label: &str, values: &[(&str, i64)]| -> prometheus::Result<()> {
        let gauge = IntGaugeVec::new(Opts::new(name, help), &[label])?;
        values.iter().for_each(|(value, count)| gauge.with_label_values(&[*value]).set(*count));
        registry.register(Box::new(gauge))
    };
    let (events, oldest) = outbox::table
        .select((count_star(), min(outbox::occurred_at)))
        .first::<(i64, Option<DateTime<Utc>>)>(connection)?;
    let lag = oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
    let letters = letters(connection, now)?;
    let late = late_jobs(connection, date_in(app.zone, now - NIGHT))?;
    let programme = numbering::current(connection)?.to_string();
    let left = numbering::numbers_left(connection)?;
    gauge("unioncard_outbox_events", "Events not yet told", "state", &[("waiting", events)])
        .and_then(|()| {
            gauge("unioncard_outbox_lag_seconds", "Age of the oldest", "state", &[("waiting", lag)])
        })
        .and_then(|()| gauge("unioncard_letters", "Letters by how they stand", "state", &letters))
        .and_then(|()| gauge("unioncard_jobs_late", "Nightly jobs not yet run today", "job", &late))
        .and_then(|()| {
            gauge(
                "unioncard_card_numbers_left",
                "Card numbers left",
                "programme",
                &[(programme.as_str(), left)],
            )
        })
        .and_then(|()| TextEncoder::new().encode_to_string(&registry.gather()))
        .map_err(|error| Problem::internal(&error))
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
