//! Faces a second of processor time, beside the bare code each needs and beside what is asked for; a print batch with all
//! its files beside the bare faces of its own holders.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

#[path = "support/measure.rs"]
mod measure;
#[path = "support/process.rs"]
mod process;
#[path = "support/union.rs"]
mod union;

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use card_issuer::cards;
use card_issuer::face::{Design, Document, Face, Holder, Plate, Resolution, Sheet};
use card_issuer::keys::IssuerKeys;
use card_issuer::numbering::Programme;
use chrono::{DateTime, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use harness::{TestDatabase, program};
use shared_kernel::ids::CardId;
use unioncard::print::holders;

use self::measure::{ROUNDS, Row, scaled};
use self::process::cpu_seconds;

/// Cards of the batch.
const CARDS: u32 = 10_000;
/// Faces of the bare rounds.
const FACES: usize = 1_000;
/// PNGs at 300 dpi a second of processor time that are asked for.
const ASKED: f64 = 400.0;
/// How often the code alone is drawn for each face: so fast that a tick of the processor's clock is much of it.
const CODES_EACH: usize = 20;
/// Names from long to short.
const NAMES: [(&str, &str, &str); 4] = [
    ("Константинопольская-Заблоцкая", "Александра", "Вячеславовна"),
    ("Ёлкин", "Пётр", "Семёнович"),
    ("Щёголева", "Юлия", "Ярославовна"),
    ("Нгуен", "Фыонг", ""),
];

fn holders(count: usize) -> Vec<Holder> {
    let numbers = IssuerKeys::new(&[7; 32]).numbers(Programme::FIRST);
    let day = |year, month| NaiveDate::from_ymd_opt(year, month, 1).expect("a day");
    (0..count)
        .map(|place| {
            let (last, first, middle) = NAMES[place % NAMES.len()];
            Holder {
                number: numbers.number(place as i64).expect("a place of the programme"),
                expires_on: day(2031, 11),
                last_name: last.to_owned(),
                first_name: first.to_owned(),
                middle_name: middle.to_owned(),
                membership_number: format!("{place:09}"),
                joined_on: day(2014, 3),
                union: "Общероссийский профсоюз образования".to_owned(),
                organisation: "Первичная профсоюзная организация школы № 1234".to_owned(),
            }
        })
        .collect()
}

fn main() {
    faces(&holders(FACES));
    batch();
}

/// PNG and PDF by processor time.
fn faces(holders: &[Holder]) {
    let design = Design::default();
    let mut rows: Vec<Row> = ["PNG, 300 dpi", "PNG, 600 dpi", "PDF, a card a page"]
        .map(|name| Row::new(name.to_owned(), None))
        .into_iter()
        .collect();
    let mut plates = [Resolution::Dpi300, Resolution::Dpi600].map(|dpi| Plate::new(&design, dpi));
    let mut bytes = [0_usize; 3];
    for _ in 0..ROUNDS {
        let floor = rate(CODES_EACH * holders.len(), || {
            for holder in holders.iter().cycle().take(CODES_EACH * holders.len()) {
                card_issuer::qr::svg(holder.number.as_str()).expect("16 digits fit");
            }
        });
        for (place, plate) in plates.iter_mut().enumerate() {
            let mut written = 0;
            let count = if place == 0 { holders.len() } else { holders.len() / 4 };
            let ours = rate(count, || {
                for holder in holders.iter().take(count) {
                    written += plate.png(&Face::of(holder, &design)).expect("memory takes it").len();
                }
            });
            rows[place].floor.push(floor);
            rows[place].ours.push(ours);
            bytes[place] = written / count;
        }
        let ours = rate(holders.len(), || {
            for chunk in holders.chunks(500) {
                let mut document = Document::new(Sheet::Plant, "bench", DateTime::UNIX_EPOCH);
                let ground = document.ground(&design);
                chunk.iter().for_each(|holder| document.add(ground, &Face::of(holder, &design)));
                bytes[2] = document.finish().expect("the font is whole").len() / chunk.len();
            }
        });
        rows[2].floor.push(floor);
        rows[2].ours.push(ours);
    }
    measure::print("Faces by processor time", "the code alone, as SVG", &rows);
    let asked = vec![ASKED; rows[0].ours.len()];
    let row = Row { floor: asked, ours: rows[0].ours.clone(), ..Row::new("PNG, 300 dpi", Some(1.0)) };
    measure::print("Faces by processor time", "the 400 asked for", &[row]);
    println!("bytes a card: PNG {} (300 dpi), {} (600 dpi), PDF {}", bytes[0], bytes[1], bytes[2]);
}

/// `unioncard cards print-batch`, the real program, beside the same number of bare faces of the batch's own holders: at
/// most twice as long.
fn batch() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = harness::database();
    let mut connection = database.connect();
    let count = scaled(CARDS);
    bring_in(&mut connection, folder.path(), count);
    run(folder.path(), &database, &["cards", "issue", "--kind", "plastic", "--organisation", union::ROOT]);
    let holders = own_holders(&mut connection);
    let design = Design::default();
    let mut plate = Plate::new(&design, Resolution::Dpi300);
    let started = Instant::now();
    for holder in holders.iter().cycle().take(count) {
        plate.png(&Face::of(holder, &design)).expect("memory takes it");
    }
    let bare = started.elapsed().as_secs_f64();
    let out = folder.path().join("plant");
    let arguments = ["cards", "print-batch", "--organisation", union::ROOT, "--out"];
    let out = out.to_str().expect("a plain path");
    let started = Instant::now();
    let used = run(folder.path(), &database, &[&arguments[..], &[out]].concat());
    let whole = started.elapsed().as_secs_f64();
    let mut row = Row::new(format!("{count} cards with all files"), Some(0.5));
    row.ours.push(count as f64 / whole);
    row.floor.push(count as f64 / bare);
    row.note = format!(
        "{:.2} times as long (at most 2), {:.1} s of processor time, {:.0} MB resident at most",
        whole / bare,
        used.cpu,
        used.memory
    );
    measure::print("A print batch, once", "the bare faces of its own holders", &[row]);
}

/// What is printed on the first cards of the batch.
fn own_holders(connection: &mut PgConnection) -> Vec<Holder> {
    #[derive(QueryableByName)]
    struct Plastic {
        #[diesel(sql_type = SqlUuid)]
        id: CardId,
    }
    let some: Vec<Plastic> = diesel::sql_query(format!(
        "SELECT id FROM cards.cards WHERE kind = 'plastic' ORDER BY id LIMIT {FACES}"
    ))
    .load(connection)
    .expect("the cards can be read");
    let ids: Vec<CardId> = some.into_iter().map(|card| card.id).collect();
    let found = cards::by_ids(connection, &ids).expect("the cards can be read");
    found.iter().map(|card| holders::of_card(connection, card).expect("every card has a holder")).collect()
}

fn bring_in(connection: &mut PgConnection, folder: &Path, count: usize) {
    let files = union::write(folder, (count / 25).max(100), count);
    let now = shared_kernel::clock::Clock::system().now();
    let open = |path: &Path| std::fs::File::open(path).expect("it was written");
    let sealer = union_registry::sealing::Sealer::new(&[7; 32]);
    union_registry::imports::organisations(connection, &mut open(&files.organisations), &mut |_| Ok(()), now)
        .expect("the organisations can be taken");
    let members = &mut open(&files.members);
    union_registry::imports::members(connection, (&sealer, None), members, &mut |_| Ok(()), now)
        .expect("the members can be taken");
}

fn run(data: &Path, database: &TestDatabase, arguments: &[&str]) -> process::Used {
    let mut command = program::command(data, arguments);
    command.env("DATABASE_URL", database.url()).stdout(Stdio::null()).stderr(Stdio::null());
    process::watch(&mut command.spawn().expect("the program runs"))
}

/// How many a second of this process's processor time.
fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let before = cpu_seconds();
    work();
    count as f64 / (cpu_seconds() - before)
}
