//! Virtual cards a second of `unioncard cards issue`, the real program as a process, beside the same rows by arrays.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

#[path = "support/card_rows.rs"]
mod card_rows;
#[path = "support/measure.rs"]
mod measure;
#[path = "support/union.rs"]
mod union;

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use harness::{TestDatabase, program};
use shared_kernel::clock::Clock;
use shared_kernel::ids::MemberId;
use union_registry::sealing::Sealer;
use union_registry::{imports, members};

use self::measure::{ROUNDS, Row, scaled};

const MEMBERS: u32 = 200_000;
/// Members of a statement, as the program takes them.
const CHUNK: i64 = 5_000;

/// Both sides begin each round without cards.
const EMPTY: &str = "TRUNCATE cards.cards, cards.devices, cards.resolutions, platform.outbox, floor.cards, floor.devices, floor.outbox CASCADE";

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let count = scaled(MEMBERS);
    let database = harness::database();
    let mut connection = database.connect();
    bring_in(&mut connection, folder.path(), count);
    card_rows::tables(&mut connection);
    let mut row = Row::new(format!("{count} virtual cards"), None);
    for _ in 0..ROUNDS {
        connection.batch_execute(EMPTY).expect("nobody uses the tables");
        row.floor.push(count as f64 / floor(&mut connection));
        row.ours.push(count as f64 / issue(folder.path(), &database, count));
    }
    measure::print("Cards issued by the program", "the same rows by arrays", &[row]);
}

/// The members, without cards.
fn bring_in(connection: &mut PgConnection, folder: &Path, count: usize) {
    let files = union::write(folder, (count / 25).max(100), count);
    let now = Clock::system().now();
    let open = |path: &Path| File::open(path).expect("it was written");
    imports::organisations(connection, &mut open(&files.organisations), &mut |_| Ok(()), now)
        .expect("the organisations can be taken");
    let sealer = Sealer::new(&[7; 32]);
    let (report, _) =
        imports::members(connection, (&sealer, None), &mut open(&files.members), &mut |_| Ok(()), now)
            .expect("the members can be taken");
    assert_eq!(usize::try_from(report.created), Ok(count), "{report:?}");
}

/// `unioncard cards issue` for the whole union; seconds from its start to its end.
fn issue(data: &Path, database: &TestDatabase, count: usize) -> f64 {
    let arguments = ["cards", "issue", "--kind", "virtual", "--organisation", union::ROOT];
    let started = Instant::now();
    let output = program::command(data, &arguments)
        .env("DATABASE_URL", database.url())
        .output()
        .expect("the program runs");
    let seconds = started.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    assert_eq!(report["issued"], count, "{report}");
    seconds
}

/// The same rows, a transaction a chunk; seconds.
fn floor(connection: &mut PgConnection) -> f64 {
    let started = Instant::now();
    let mut after = None;
    let mut numbers = card_rows::numbers();
    loop {
        let holders: Vec<MemberId> =
            members::active_ids(connection, union::ROOT, after, CHUNK).expect("the members can be read");
        let Some(last) = holders.last().copied() else { return started.elapsed().as_secs_f64() };
        after = Some(last);
        card_rows::write(connection, &holders, &mut numbers);
    }
}
