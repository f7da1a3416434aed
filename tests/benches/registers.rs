//! Rows of a partner's register a second, from the file to the ledger, its report included, beside *post-batch*: the
//! same rows of the ledger by arrays, 256 purchases a call.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

#[allow(dead_code, reason = "what single purchases need")]
#[path = "posting/floor.rs"]
mod floor;
#[path = "support/measure.rs"]
mod measure;
#[path = "support/memory.rs"]
mod memory;
#[allow(dead_code, reason = "what single purchases need")]
#[path = "posting/programme.rs"]
mod programme;
#[path = "support/rules.rs"]
mod rules;
#[path = "support/union.rs"]
mod union;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use harness::TestServer;
use shared_kernel::ids::MemberId;
use unioncard::files::imports::{self, ImportKind, ImportRequest};
use unioncard::files::registers;

use self::floor::Pattern;
use self::measure::{ROUNDS, Row, scaled};
use self::programme::{Partners, Programme};

/// Rows of all rounds together.
const ROWS: u32 = 1_000_000;
const MEMBERS: u32 = 20_000;
/// One row of so many is a refund of the sale before it.
const REFUND_EVERY: u64 = 50;
/// The days before today that the rows are spread over: nobody buys so often a day that the fraud watch looks.
const DAYS: u64 = 20;
/// A round's file is of an outlet of its own: what other files brought isn't missing in it.
const OUTLETS: [&str; ROUNDS] = ["shop-1", "shop-2", "shop-3"];
/// Purchases of a call of the floor.
const BATCH: u64 = 256;

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SqlUuid)]
    member_id: MemberId,
}

fn main() {
    let rows = (scaled(ROWS) / ROUNDS) as u64;
    let programme = Programme::new(scaled(MEMBERS));
    let (mut connection, mut other) = (programme.database.connect(), programme.database.connect());
    floor::install(&mut connection);
    programme.post(&mut connection, Partners::One, 0..1);
    let pattern = floor::pattern(&mut connection);
    let server = harness::server();
    let cards = furnish(&server, scaled(MEMBERS));
    let what = |by: &str| format!("{rows} rows, floor by {by}");
    let mut table = [Row::new(what("1 connection"), Some(0.6)), Row::new(what("2"), Some(0.6))];
    for round in 0..ROUNDS as u64 {
        let numbers = |part: u64| {
            1 + (part * ROUNDS as u64 + round) * rows..1 + (part * ROUNDS as u64 + round + 1) * rows
        };
        let file = write(&server, &cards, OUTLETS[round as usize], numbers(0));
        let ours = rows as f64 / load(&server, &file, rows);
        let floor = |connections: &mut [&mut PgConnection], numbers: Range<u64>| {
            let (started, next) = (Instant::now(), AtomicU64::new(numbers.start));
            std::thread::scope(|scope| {
                for connection in connections {
                    scope.spawn(|| post_all(connection, (&pattern, &programme.members), &next, numbers.end));
                }
            });
            rows as f64 / started.elapsed().as_secs_f64()
        };
        table[0].floor.push(floor(&mut [&mut connection], numbers(0)));
        table[1].floor.push(floor(&mut [&mut connection, &mut other], numbers(1)));
        table.iter_mut().for_each(|row| row.ours.push(ours));
    }
    table[1].note = format!("{:.0} MB resident at most", memory::resident_most());
    measure::print("Register files, from the file to the ledger", "post-batch", &table);
}

/// The floor's purchases up to an end, whoever is free the next batch.
fn post_all(
    connection: &mut PgConnection,
    (pattern, members): (&Pattern, &[MemberId]),
    next: &AtomicU64,
    end: u64,
) {
    loop {
        let first = next.fetch_add(BATCH, Ordering::Relaxed);
        if first >= end {
            return;
        }
        floor::post_batch(connection, pattern, members, first..(first + BATCH).min(end));
    }
}

/// Members with cards who take part, and the partner with a rule; the cards' numbers.
fn furnish(server: &TestServer, members: usize) -> Vec<String> {
    let files = union::write(server.folder(), (members / 25).max(100), members);
    let now = server.app.now();
    for (kind, file) in
        [(ImportKind::Organisations, files.organisations), (ImportKind::Members, files.members)]
    {
        let rejected = imports::rejected_beside(&file);
        let request =
            ImportRequest { kind, file, rejected, notify: false, within: None, by: "program".to_owned() };
        imports::run(&server.app, &request, now).expect("the file can be taken");
    }
    let mut connection = server.connect();
    let holders: Vec<Holder> =
        diesel::sql_query("SELECT number, member_id FROM cards.cards WHERE kind = 'virtual'")
            .load(&mut connection)
            .expect("the cards can be read");
    let ids: Vec<MemberId> = holders.iter().map(|holder| holder.member_id).collect();
    programme::enrol(&mut connection, &ids, now);
    server.partner("shop", &OUTLETS);
    rules::approve(&mut connection, "shop", now);
    holders.into_iter().map(|holder| holder.number).collect()
}

/// The register: sales, and a refund now and then.
fn write(server: &TestServer, cards: &[String], outlet: &str, numbers: Range<u64>) -> PathBuf {
    let path = server.folder().join(format!("register-{}.csv", numbers.start));
    let mut file = BufWriter::new(File::create(&path).expect("the folder is writable"));
    let days: Vec<String> =
        (1..=DAYS).map(|ago| (server.app.now() - TimeDelta::days(ago as i64)).to_rfc3339()).collect();
    writeln!(file, "outlet,receipt,occurred_at,card_number,amount,category,kind,reference")
        .expect("room on the disk");
    for number in numbers {
        let refund = number.is_multiple_of(REFUND_EVERY);
        let of = if refund { number - 1 } else { number };
        // Everybody buys once, then everybody once more on the next day.
        let at = &days[(of / cards.len() as u64 % DAYS) as usize];
        let card = &cards[(of as usize).wrapping_mul(7_919) % cards.len()];
        let kopecks = if refund { 1_000 } else { programme::kopecks_of(of) };
        let (kind, reference) = if refund { ("refund", "back") } else { ("sale", "") };
        writeln!(
            file,
            "{outlet},R-{of:09},{at},{card},{}.{:02},,{kind},{reference}",
            kopecks / 100,
            kopecks % 100
        )
        .expect("room on the disk");
    }
    file.flush().expect("room on the disk");
    path
}

/// Seconds from the file to the report.
fn load(server: &TestServer, file: &Path, rows: u64) -> f64 {
    let started = Instant::now();
    let report = registers::load(&server.app, "shop", file, ("post", false), &mut |_| {})
        .expect("the database answers")
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let seconds = started.elapsed().as_secs_f64();
    let report = serde_json::to_value(&report).expect("a report is JSON");
    assert_eq!(report["outcomes"]["posted"], rows, "{report}");
    seconds
}
