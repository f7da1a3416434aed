//! Purchases a second: the engine at several sizes of batch beside *post-batch*, one hot partner beside a hundred, and
//! the whole server over HTTP beside *post-one*.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

mod floor;
mod http;
#[path = "../support/measure.rs"]
mod measure;
mod programme;
#[path = "../support/union.rs"]
mod union;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::pg::PgConnection;

use self::floor::Pattern;
use self::http::{Shop, Till};
use self::measure::{ROUNDS, Row, scale, scaled};
use self::programme::{Partners, Programme};

/// Sizes of batch, and how many connections post at once.
const BATCHES: [(u64, usize); 6] = [(1, 1), (16, 1), (64, 1), (256, 1), (1_024, 1), (256, 2)];
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Clients of post-one.
const FLOOR_CLIENTS: usize = 16;
/// Members who buy.
const MEMBERS: u32 = 20_000;

/// The next purchase's number: receipts are never used twice.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn main() {
    let programme = Programme::new(scaled(MEMBERS));
    let mut connections: Vec<PgConnection> =
        (0..FLOOR_CLIENTS).map(|_| programme.database.connect()).collect();
    floor::install(&mut connections[0]);
    programme.post(&mut connections[0], Partners::One, numbers(1));
    let pattern = floor::pattern(&mut connections[0]);
    batches(&programme, &mut connections, &pattern);
    hot_partner(&programme, &mut connections);
    over_http(&programme, &mut connections, &pattern);
}

fn batches(programme: &Programme, connections: &mut [PgConnection], pattern: &Pattern) {
    let mut rows: Vec<Row> = BATCHES
        .iter()
        .map(|(batch, at_once)| {
            let what = match at_once {
                1 => format!("batches of {batch}"),
                _ => format!("batches of {batch}, {at_once} connections"),
            };
            Row::new(what, (*batch == 256).then_some(0.5))
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
                row.note = format!("{:.0} % of the time in our process, the rest in PostgreSQL", own * 100.0);
            }
        }
    }
    measure::print("Posting by the engine", "post-batch", &rows);
}

fn hot_partner(programme: &Programme, connections: &mut [PgConnection]) {
    let mut row = Row::new("one hot partner, batches of 256", Some(0.9));
    for round in 0..=ROUNDS {
        let mut run = |partners| {
            stretch(&mut connections[..1], round, |connection| {
                programme.post(connection, partners, numbers(256));
                256
            })
        };
        let (one, hundred) = (run(Partners::One), run(Partners::Hundred));
        if round > 0 {
            row.ours.push(one);
            row.floor.push(hundred);
        }
    }
    measure::print("One hot partner", "a hundred partners", &[row]);
}

fn over_http(programme: &Programme, connections: &mut [PgConnection], pattern: &Pattern) {
    let shop = Shop::new(scaled(MEMBERS));
    let mut tills: Vec<Vec<Till>> = CONNECTIONS.iter().map(|count| shop.tills(*count)).collect();
    let mut rows: Vec<Row> = CONNECTIONS
        .iter()
        .map(|count| Row::new(format!("{count} connections"), (*count == 64).then_some(0.5)))
        .collect();
    for round in 0..=ROUNDS {
        let floor = stretch(connections, round, |connection| {
            floor::post_one(connection, pattern, &programme.members, number());
            1
        });
        for (row, tills) in rows.iter_mut().zip(&mut tills) {
            let ours = stretch(tills, round, |till| {
                shop.buy(till, number());
                1
            });
            let waited = tills.iter_mut().flat_map(|till| std::mem::take(&mut till.waited));
            let note = latency(waited.collect());
            if round > 0 {
                row.ours.push(ours);
                row.floor.push(floor);
                row.note = note;
            }
        }
    }
    let floor = format!("post-one at {FLOOR_CLIENTS} clients");
    measure::print("Posting over HTTP, one purchase a request", &floor, &rows);
}

fn latency(mut waited: Vec<Duration>) -> String {
    waited.sort();
    let at = |share: usize| waited.get(waited.len() * share / 100).map_or(0.0, |d| d.as_secs_f64() * 1e3);
    format!("p50 {:.1} ms, p99 {:.1} ms", at(50), at(99))
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

/// Processor time this process has used, in seconds.
fn cpu_seconds() -> f64 {
    /// `sysconf(_SC_CLK_TCK)` of every Linux.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}
