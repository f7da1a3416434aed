//! A nightly job killed in its middle goes on where it stopped; twice or days late it changes nothing more.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use harness::{TestDatabase, program};
use serde_json::Value;

const MEMBERS: i64 = 9_000;
const LOTS_EACH: i64 = 10;
const LOTS: i64 = MEMBERS * LOTS_EACH;

#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
struct Figures {
    #[diesel(sql_type = BigInt)]
    lots: i64,
    #[diesel(sql_type = BigInt)]
    postings: i64,
    #[diesel(sql_type = BigInt)]
    balances: i64,
}

/// Released (or emptied) lots, postings of a kind, and what the members have available (or no more).
fn figures(database: &TestDatabase, lots: &str, kind: &str, balances: &str) -> Figures {
    diesel::sql_query(format!(
        "SELECT (SELECT count(*) FROM ledger.lots WHERE {lots}) AS lots,
            (SELECT count(*) FROM ledger.postings WHERE kind = '{kind}') AS postings,
            (SELECT coalesce(sum({balances}), 0)::bigint FROM ledger.balances) AS balances"
    ))
    .get_result(&mut database.connect())
    .unwrap()
}

/// Kills the job after its first part; what is done then is whole, and running it again does the rest.
fn killed_and_run_again(
    (database, folder): (&TestDatabase, &Path),
    arguments: &[&str],
    look: impl Fn() -> Figures,
) {
    let command = |arguments: &[&str]| {
        let mut command = program::command(folder, arguments);
        command.env("DATABASE_URL", database.url());
        command
    };
    let mut running =
        command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let told = BufReader::new(running.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut heard = Vec::new();
    let part = told.inspect(|line| heard.push(line.clone())).find(|line| line.ends_with(" done"));
    let part = part.unwrap_or_else(|| panic!("it tells its progress: {heard:?}"));
    running.kill().unwrap();
    running.wait().unwrap();
    let half = look();
    assert!((1..LOTS).contains(&half.lots), "{part}: {half:?}");
    assert_eq!((half.postings, half.balances), (half.lots, half.lots * 100), "no part is done by halves");
    let run = || -> Value {
        let output = command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert!(run()["done"].as_i64().unwrap() >= LOTS - half.lots - 40_000);
    let whole = Figures { lots: LOTS, postings: LOTS, balances: LOTS * 100 };
    assert_eq!(look(), whole);
    assert_eq!(run()["done"], 0, "the second time there is nothing left");
    assert_eq!(look(), whole);
}

#[test]
fn release_and_expiry_go_on_where_they_stopped() {
    let database = harness::database();
    // Of one master key, as the database is.
    let folder = tempfile::tempdir().unwrap();
    let mut connection = database.connect();
    connection
        .batch_execute(&format!(
            "UPDATE platform.installation SET kind = 'test';
             INSERT INTO ledger.balances (member_id, pending, standing)
             SELECT ledger.new_id(now()), {LOTS_EACH} * 100, 'enrolled' FROM generate_series(1, {MEMBERS});
             INSERT INTO ledger.lots (member_id, purchase_id, part, amount, remaining, available_at, expires_on, released)
             SELECT member_id, ledger.new_id(now()), 0, 100, 100, now() - interval '1 hour' + place * interval '1 millisecond',
                 current_date + 1 + (place / 1000)::integer, false
             FROM (SELECT member_id, row_number() OVER () AS place FROM ledger.balances) AS m,
                 generate_series(1, {LOTS_EACH});
             ANALYZE ledger.lots, ledger.balances"
        ))
        .unwrap();
    let released = || figures(&database, "released", "release", "available");
    killed_and_run_again((&database, folder.path()), &["jobs", "run", "release-holds"], released);
    // Days late, all at once.
    let late = (chrono::Days::new(400), "T03:00:00+03:00");
    let late = format!("{}{}", today() + late.0, late.1);
    let expired = || figures(&database, "expired = amount AND remaining = 0", "expire", "1000 - available");
    killed_and_run_again((&database, folder.path()), &["jobs", "run", "expire", "--at", &late], expired);
}

fn today() -> chrono::NaiveDate {
    shared_kernel::clock::Clock::system().now().date_naive()
}
