//! Lots released and expired a second by the nightly jobs, beside the same rows written by one bare statement.
#![allow(
    clippy::as_conversions,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

#[path = "support/measure.rs"]
mod measure;
#[path = "support/memory.rs"]
mod memory;

use std::time::Instant;

use cashback_engine::jobs;
use cashback_engine::rules::BookCache;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use shared_kernel::clock::Clock;

use self::measure::{ROUNDS, Row, scaled};

const LOTS: u32 = 1_000_000;
/// Lots of a member.
const LOTS_EACH: i64 = 10;

/// Copies of the tables with their indexes and constraints.
const FLOOR: &str = "
    CREATE SCHEMA floor;
    CREATE TABLE floor.lots (LIKE ledger.lots INCLUDING ALL);
    CREATE TABLE floor.balances (LIKE ledger.balances INCLUDING ALL);
    CREATE TABLE floor.postings (LIKE ledger.postings INCLUDING ALL);
    CREATE TABLE floor.transfers (LIKE ledger.transfers INCLUDING ALL)";

const RELEASE: &str = "
    WITH freed AS (
        UPDATE floor.lots SET released = true WHERE NOT released AND available_at <= now()
        RETURNING member_id, purchase_id, available_at, remaining
    ), named AS MATERIALIZED (SELECT *, gen_random_uuid() AS id FROM freed
    ), new_postings AS (
        INSERT INTO floor.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
        SELECT id, 'release', member_id, purchase_id, available_at, now(), current_date FROM named
    ), new_transfers AS (
        INSERT INTO floor.transfers (posting_id, ordinal, debit, credit, amount, member_id)
        SELECT id, 0, 1, 2, remaining, member_id FROM named
    )
    UPDATE floor.balances AS b SET pending = b.pending - s.amount, available = b.available + s.amount
    FROM (SELECT member_id, sum(remaining)::bigint AS amount FROM named GROUP BY member_id) AS s
    WHERE b.member_id = s.member_id";

const EXPIRE: &str = "
    WITH emptied AS (
        UPDATE floor.lots SET expired = remaining, remaining = 0
        WHERE released AND remaining > 0 AND expires_on < current_date + 400
        RETURNING member_id, purchase_id, expires_on, expired
    ), named AS MATERIALIZED (SELECT *, gen_random_uuid() AS id FROM emptied
    ), new_postings AS (
        INSERT INTO floor.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
        SELECT id, 'expire', member_id, purchase_id, expires_on, now(), current_date FROM named
    ), new_transfers AS (
        INSERT INTO floor.transfers (posting_id, ordinal, debit, credit, amount, member_id)
        SELECT id, 0, 2, 13, expired, member_id FROM named
    )
    UPDATE floor.balances AS b SET available = b.available - s.amount
    FROM (SELECT member_id, sum(expired)::bigint AS amount FROM named GROUP BY member_id) AS s
    WHERE b.member_id = s.member_id";

fn main() {
    let lots = scaled(LOTS) as i64 / LOTS_EACH * LOTS_EACH;
    let mut release = Row::new(format!("{lots} lots released"), Some(0.5));
    let mut expiry = Row::new(format!("{lots} lots expired"), Some(0.5));
    for _ in 0..ROUNDS {
        // Both sides begin each round with tables that nobody has written to before.
        let database = harness::database();
        let mut connection = database.connect();
        connection.batch_execute(FLOOR).expect("copies of the tables can be made");
        furnish(&mut connection, lots);
        let now = Clock::system().now();
        let far = now + TimeDelta::days(400);
        let ours = job(&mut connection, now, lots, jobs::release_holds);
        let floor = statement(&mut connection, RELEASE);
        release.ours.push(lots as f64 / ours);
        release.floor.push(lots as f64 / floor);
        connection.batch_execute("VACUUM ANALYZE").expect("the tables can be vacuumed");
        let ours = job(&mut connection, far, lots, jobs::expire);
        let floor = statement(&mut connection, EXPIRE);
        expiry.ours.push(lots as f64 / ours);
        expiry.floor.push(lots as f64 / floor);
    }
    measure::print("Nightly jobs", "one statement that writes the same rows", &[release, expiry]);
    println!("{:.0} MB resident at most", memory::resident_most());
}

fn furnish(connection: &mut PgConnection, lots: i64) {
    let members = lots / LOTS_EACH;
    diesel::sql_query(
        "INSERT INTO ledger.balances (member_id, pending, standing)
         SELECT ledger.new_id(now()), $2 * 100, 'enrolled' FROM generate_series(1, $1)",
    )
    .bind::<BigInt, _>(members)
    .bind::<BigInt, _>(LOTS_EACH)
    .execute(connection)
    .expect("members can be made");
    // What purchases they are of is nobody's business here: the jobs don't read them.
    diesel::sql_query(
        "INSERT INTO ledger.lots (member_id, purchase_id, part, amount, remaining, available_at, expires_on, released)
         SELECT member_id, ledger.new_id(now()), 0, 100, 100, now() - interval '1 hour', current_date + 300, false
         FROM ledger.balances, generate_series(1, $1)",
    )
    .bind::<BigInt, _>(LOTS_EACH)
    .execute(connection)
    .expect("lots can be made");
    connection
        .batch_execute(
            "INSERT INTO floor.balances SELECT * FROM ledger.balances; INSERT INTO floor.lots SELECT * FROM ledger.lots;
             ANALYZE",
        )
        .expect("they can be copied");
}

type Part = fn(&mut PgConnection, &BookCache, DateTime<Utc>, DateTime<Utc>) -> QueryResult<i64>;

/// Runs a job to its end, a part a transaction; seconds.
fn job(connection: &mut PgConnection, at: DateTime<Utc>, lots: i64, part: Part) -> f64 {
    let books = BookCache::default();
    let clock = Clock::system();
    let started = Instant::now();
    let mut done = 0;
    loop {
        let some = connection.transaction(|connection| part(connection, &books, at, clock.now()));
        match some.expect("the job runs") {
            0 => break,
            some => done += some,
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(done, lots);
    seconds
}

fn statement(connection: &mut PgConnection, sql: &str) -> f64 {
    let started = Instant::now();
    connection.batch_execute(sql).expect("the statement runs");
    started.elapsed().as_secs_f64()
}
