//! Purchases a second, ten rules a partner: the engine at several sizes of batch beside *post-batch*, one hot partner and
//! one hot member beside spread ones, live codes beside numbers, and the whole server over HTTP beside *post-one* and *post-batch*.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

mod floor;
mod http;
mod live;
#[path = "../support/measure.rs"]
mod measure;
#[path = "../support/memory.rs"]
mod memory;
#[path = "../support/process.rs"]
mod process;
mod programme;
#[path = "../support/rules.rs"]
mod rules;
#[path = "../support/union.rs"]
mod union;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::pg::PgConnection;

use self::floor::Pattern;
use self::http::{Buyers, Shop, Till};
use self::live::LiveCards;
use self::measure::{ROUNDS, Row, scale, scaled};
use self::process::cpu_seconds;
use self::programme::{Partners, Programme};

/// Sizes of batch, and how many connections post at once.
const BATCHES: [(u64, usize); 6] = [(1, 1), (16, 1), (64, 1), (256, 1), (1_024, 1), (256, 2)];
/// Connections, and the least ratio to post-one to reach.
const CONNECTIONS: [(usize, Option<f64>); 4] = [(1, None), (16, None), (64, Some(1.0)), (MOST, Some(1.5))];
/// The most of those.
const MOST: usize = 512;
/// Purchases of a call to the batch endpoint, and calls at once.
const CALL: (u64, usize) = (256, 2);
/// What the 99th of a hundred purchases may wait at 64 connections, in milliseconds.
const P99_MAX: f64 = 15.0;
/// Clients of post-one.
const FLOOR_CLIENTS: usize = 16;
/// Clients of the ledger with running balances, and how often as many purchases its transfers are to be.
const RUNNING: (usize, f64) = (8, 3.0);
/// Clients whose waiting is judged, and how many the floor's own waiting is measured with.
const JUDGED: usize = 64;
/// Members who buy.
const MEMBERS: u32 = 20_000;

/// The next purchase's number: receipts are never used twice.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn main() {
    let programme = Programme::new(scaled(MEMBERS));
    let mut connections: Vec<PgConnection> = (0..JUDGED).map(|_| programme.database.connect()).collect();
    floor::install(&mut connections[0]);
    programme.post(&mut connections[0], Partners::One, numbers(1));
    let pattern = floor::pattern(&mut connections[0]);
    if asked("engine") {
        batches(&programme, &mut connections, &pattern);
    }
    if asked("spots") {
        hot_spots(&programme, &mut connections);
    }
    if asked("live") {
        live_codes(&programme, &mut connections[..1]);
    }
    if !asked("http") {
        return;
    }
    let shop = Shop::new(scaled(MEMBERS));
    over_http(&shop, (&programme, &pattern), &mut connections);
    hot_member_over_http(&shop);
    batches_over_http(&shop, (&programme, &pattern), &mut connections);
}

/// Whether a part is to be measured: those named after `--`, or all.
fn asked(part: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|word| !word.starts_with("--")).peekable();
    named.peek().is_none() || named.any(|word| word == part)
}

fn batches(programme: &Programme, connections: &mut [PgConnection], pattern: &Pattern) {
    let mut rows: Vec<Row> = BATCHES
        .iter()
        .map(|(batch, at_once)| {
            let what = match at_once {
                1 => format!("batches of {batch}"),
                _ => format!("batches of {batch}, {at_once} connections"),
            };
            Row::new(what, ((*batch, *at_once) == (256, 2)).then_some(0.6))
        })
        .collect();
    for round in 0..=ROUNDS {
        for (row, (batch, at_once)) in rows.iter_mut().zip(BATCHES) {
            let some = &mut connections[..at_once];
            let busy = cpu_seconds();
            let started = Instant::now();
            let ours = stretch(some, round, |connection| {
                programme.post(connection, Partners::Hundred, numbers(batch));
                batch
            });
            let own = (cpu_seconds() - busy) / started.elapsed().as_secs_f64();
            let floor = stretch(some, round, |connection| {
                floor::post_batch(connection, pattern, &programme.members, numbers(batch));
                batch
            });
            if round > 0 {
                row.ours.push(ours);
                row.floor.push(floor);
                row.note = format!("{:.0} % of a core in our process", own * 100.0);
            }
        }
    }
    measure::print("Posting by the engine", "post-batch", &rows);
}

/// Over as many connections as the server posts with, so that what is hot is waited for.
fn hot_spots(programme: &Programme, connections: &mut [PgConnection]) {
    let spots = [("one hot partner", Partners::One), ("one hot member", Partners::HundredForOne)];
    for at_once in [1, 2] {
        let mut rows: Vec<Row> =
            spots.iter().map(|(what, _)| Row::new(format!("{what}, batches of 256"), Some(0.9))).collect();
        for round in 0..=ROUNDS {
            let mut run = |partners| {
                stretch(&mut connections[..at_once], round, |connection| {
                    programme.post(connection, partners, numbers(256));
                    256
                })
            };
            let spread = run(Partners::Hundred);
            for (row, (_, hot)) in rows.iter_mut().zip(spots) {
                let ours = run(hot);
                if round > 0 {
                    row.ours.push(ours);
                    row.floor.push(spread);
                }
            }
        }
        let title = format!("Hot spots, {at_once} at once");
        measure::print(&title, "a hundred partners and all members", &rows);
    }
}

/// The guard against a code shown twice is to be no slower than posting. What both together cost is told beside it.
fn live_codes(programme: &Programme, connection: &mut [PgConnection]) {
    let cards = LiveCards::new(&mut connection[0], programme);
    let mut rows = [("the guard alone, 256 codes", Some(1.0)), ("256 by live code", None)]
        .map(|(what, target)| Row::new(what, target));
    for round in 0..=ROUNDS {
        let mut run = |work: &(dyn Fn(&mut PgConnection, std::ops::Range<u64>) + Sync)| {
            stretch(connection, round, |connection| {
                work(connection, numbers(256));
                256
            })
        };
        let floor = run(&|connection, numbers| cards.post_by_number(programme, connection, numbers));
        let posted = run(&|connection, numbers| cards.post_by_code(programme, connection, numbers));
        let guarded = run(&|connection, numbers| cards.guard(programme, connection, numbers));
        if round > 0 {
            for (row, ours) in rows.iter_mut().zip([guarded, posted]) {
                row.ours.push(ours);
                row.floor.push(floor);
            }
        }
    }
    measure::print("Live codes", "256 purchases by number", &rows);
}

fn over_http(shop: &Shop, (programme, pattern): (&Programme, &Pattern), connections: &mut [PgConnection]) {
    let mut tills: Vec<Vec<Till>> = CONNECTIONS.iter().map(|(count, _)| shop.tills(*count)).collect();
    let mut rows: Vec<Row> = CONNECTIONS
        .iter()
        .map(|(count, target)| Row::new(format!("connections: {count}"), *target))
        .collect();
    let mut crowd = Row::new(format!("post-one itself, {JUDGED} clients"), None);
    let (clients, times) = RUNNING;
    let mut running =
        Row::new(format!("the most connections, beside {clients} clients' transfers"), Some(times));
    for round in 0..=ROUNDS {
        let transfers = stretch(&mut connections[..clients], round, |connection| {
            floor::running_transfer(connection, number());
            1
        });
        let one = |connection: &mut PgConnection| {
            floor::post_one(connection, pattern, &programme.members, number());
            1
        };
        let floor = stretch(&mut connections[..FLOOR_CLIENTS], round, |connection| one(connection));
        let mut callers: Vec<(&mut PgConnection, Vec<Duration>)> =
            connections.iter_mut().map(|connection| (connection, Vec::new())).collect();
        let crowded = stretch(&mut callers, round, |(connection, waited)| {
            let asked = Instant::now();
            let posted = one(connection);
            waited.push(asked.elapsed());
            posted
        });
        if round > 0 {
            crowd.ours.push(crowded);
            crowd.floor.push(floor);
            crowd.note = latency(callers.into_iter().flat_map(|(_, waited)| waited).collect(), false);
        }
        for (row, tills) in rows.iter_mut().zip(&mut tills) {
            let ours = stretch(tills, round, |till| u64::from(shop.buy(till, Buyers::All, number())));
            let waited: Vec<Duration> =
                tills.iter_mut().flat_map(|till| std::mem::take(&mut till.waited)).collect();
            let later: usize = tills.iter_mut().map(|till| std::mem::take(&mut till.later)).sum();
            if round > 0 {
                row.ours.push(ours);
                row.floor.push(floor);
                row.note = latency(waited, tills.len() == JUDGED);
                if tills.len() == MOST {
                    running.ours.push(ours);
                    running.floor.push(transfers);
                }
                if later > 0 {
                    row.note += &format!(", {later} times 503");
                }
            }
        }
    }
    rows.push(crowd);
    rows.push(running);
    let floor = format!("post-one at {FLOOR_CLIENTS} clients");
    measure::print("Posting over HTTP, one purchase a request", &floor, &rows);
    println!("{:.0} MB resident at most, the clients and the floor with it", memory::resident_most());
}

/// All purchases for one member beside purchases for all, which wait for nobody but their partner's budgets.
fn hot_member_over_http(shop: &Shop) {
    let counts = [JUDGED, MOST];
    let mut tills = counts.map(|count| shop.tills(count));
    let mut rows = counts.map(|count| Row::new(format!("one hot member, {count} connections"), Some(0.9)));
    for round in 0..=ROUNDS {
        for (row, tills) in rows.iter_mut().zip(&mut tills) {
            let mut run = |buyers| stretch(tills, round, |till| u64::from(shop.buy(till, buyers, number())));
            let (spread, hot) = (run(Buyers::All), run(Buyers::One));
            if round > 0 {
                row.ours.push(hot);
                row.floor.push(spread);
            }
        }
    }
    measure::print("Hot spots over HTTP", "all members, as many connections", &rows);
}

fn batches_over_http(
    shop: &Shop,
    (programme, pattern): (&Programme, &Pattern),
    connections: &mut [PgConnection],
) {
    let (call, at_once) = CALL;
    let mut tills = shop.tills(at_once);
    let mut row = Row::new(format!("{call} a call, {at_once} connections"), Some(0.6));
    for round in 0..=ROUNDS {
        let floor = stretch(&mut connections[..at_once], round, |connection| {
            floor::post_batch(connection, pattern, &programme.members, numbers(call));
            call
        });
        let ours = stretch(&mut tills, round, |till| {
            shop.buy_many(till, numbers(call));
            call
        });
        if round > 0 {
            row.ours.push(ours);
            row.floor.push(floor);
        }
    }
    measure::print("Posting over HTTP, many purchases a request", "post-batch, as many connections", &[row]);
}

fn latency(mut waited: Vec<Duration>, judged: bool) -> String {
    waited.sort();
    let at = |share: usize| waited.get(waited.len() * share / 100).map_or(0.0, |d| d.as_secs_f64() * 1e3);
    let missed = if judged && at(99) > P99_MAX { " (missed)" } else { "" };
    format!("p50 {:.1} ms, p99 {:.1} ms{missed}", at(50), at(99))
}

fn number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn numbers(count: u64) -> std::ops::Range<u64> {
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    first..first + count
}

/// All workers do `work`, which answers how many purchases it was, for 2 s times `SCALE` (a fifth of it in round 0,
/// which only warms up): purchases a second.
fn stretch<W: Send>(workers: &mut [W], round: usize, work: impl Fn(&mut W) -> u64 + Sync) -> f64 {
    let whole = Duration::from_secs_f64(2.0 * scale());
    let length = if round == 0 { whole / 5 } else { whole };
    let started = Instant::now();
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for worker in workers {
            scope.spawn(|| {
                while started.elapsed() < length {
                    done.fetch_add(work(worker), Ordering::Relaxed);
                }
            });
        }
    });
    done.into_inner() as f64 / started.elapsed().as_secs_f64()
}
