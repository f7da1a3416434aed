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
#[path = "support/process.rs"]
mod process;
#[path = "support/union.rs"]
mod union;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use harness::{TestDatabase, program};
use shared_kernel::clock::Clock;
use shared_kernel::ids::MemberId;
use union_registry::sealing::Sealer;
use union_registry::{imports, members};

use self::measure::{ROUNDS, Row, scaled};
use self::process::Used;

const MEMBERS: u32 = 200_000;
/// Resident memory to stay below, in MB.
const MEMORY_MAX: f64 = 300.0;
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
    let mut most = 0.0_f64;
    for _ in 0..ROUNDS {
        connection.batch_execute(EMPTY).expect("nobody uses the tables");
        row.floor.push(count as f64 / floor(&mut connection));
        let (seconds, memory) = issue(folder.path(), &database, count);
        row.ours.push(count as f64 / seconds);
        most = most.max(memory);
    }
    let missed = if most > MEMORY_MAX { "missed  " } else { "" };
    row.note = format!("{missed}{most:.0} MB resident at most (target <{MEMORY_MAX:.0})");
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

/// `unioncard cards issue` for the whole union; seconds from its start to its end, and the most memory it held, in MB.
fn issue(data: &Path, database: &TestDatabase, count: usize) -> (f64, f64) {
    let arguments = ["cards", "issue", "--kind", "virtual", "--organisation", union::ROOT];
    let report = data.join("report.json");
    let mut command = program::command(data, &arguments);
    command
        .env("DATABASE_URL", database.url())
        .stdout(File::create(&report).expect("the folder is writable"))
        .stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn().expect("the program runs");
    let Used { memory, .. } = process::watch(&mut child);
    let seconds = started.elapsed().as_secs_f64();
    let report = std::fs::read(report).expect("it was written");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("the report is JSON");
    assert_eq!(report["issued"], count, "{report}");
    (seconds, memory)
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
