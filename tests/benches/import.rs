//! Rows a second of `unioncard import`, the real program as a process, beside *staged*, and the most memory it held.
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
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::{CopyFormat, CopyTarget, PgConnection};
use diesel::prelude::*;
use harness::{TestDatabase, program};
use shared_kernel::clock::Clock;
use shared_kernel::ids::MemberId;
use union_registry::imports;
use union_registry::sealing::Sealer;

use self::measure::{ROUNDS, Row, scaled};
use self::process::Used;
use self::staging::{staged_members, staged_organisations};
use self::union::UnionFiles;

/// The education union's register of 2020, and a part of its members.
const ORGANISATIONS: u32 = 75_860;
const MEMBERS: u32 = 200_000;
const CARDS_AT_ONCE: usize = 5_000;
/// Resident memory to stay below, in MB.
const MEMORY_MAX: f64 = 300.0;

const FLOOR: &str = include_str!("import_floor.sql");
const FLOOR_ORGANISATIONS: &str = "
    INSERT INTO organisations (code, name, kind, parent_code, inn, region_code)
    SELECT code, name, kind, parent_code, inn, region_code FROM staged_organisations
    ON CONFLICT (code) DO NOTHING";
const FLOOR_MEMBERS: &str = "
    INSERT INTO members (membership_number, organisation_code, last_name, first_name, middle_name, sex, birth_date,
        phone, email, category, position, joined_on, consent_on)
    SELECT membership_number, organisation_code, last_name, first_name, middle_name, sex, birth_date::date, phone,
        email, category, position, joined_on::date, consent_on::date
    FROM staged_members
    ON CONFLICT (membership_number) DO NOTHING";

/// The floor's tables that `COPY` fills.
#[allow(missing_docs, reason = "the files' columns")]
mod staging {
    diesel::table! {
        staged_organisations (code) {
            code -> Text,
            name -> Text,
            kind -> Text,
            parent_code -> Nullable<Text>,
            inn -> Nullable<Text>,
            region_code -> Nullable<Text>,
        }
    }
    diesel::table! {
        staged_members (membership_number) {
            membership_number -> Text,
            organisation_code -> Text,
            last_name -> Text,
            first_name -> Text,
            middle_name -> Nullable<Text>,
            sex -> Nullable<Text>,
            birth_date -> Nullable<Text>,
            phone -> Nullable<Text>,
            email -> Nullable<Text>,
            category -> Nullable<Text>,
            position -> Nullable<Text>,
            joined_on -> Text,
            consent_on -> Nullable<Text>,
        }
    }
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (organisations, members) = (scaled(ORGANISATIONS), scaled(MEMBERS));
    let files = union::write(folder.path(), organisations, members);
    let mut rows = [
        Row::new(format!("{organisations} organisations, program"), Some(0.3)),
        Row::new(format!("{members} members, register alone"), Some(0.3)),
        Row::new(format!("{members} members + cards, program"), Some(0.3)),
    ];
    for _ in 0..ROUNDS {
        let staged = floors(&files, (organisations, members));
        // The floor of members with cards writes the same rows and then theirs.
        let cards = 1.0 / (1.0 / staged.1 + 1.0 / card_rows_alone(members));
        let (tree, with_cards) = programs(folder.path(), &files, (organisations, members));
        let alone = register_alone(&files, members);
        for (row, (ours, floor)) in
            rows.iter_mut().zip([(tree.rate, staged.0), (alone, staged.1), (with_cards.rate, cards)])
        {
            row.ours.push(ours);
            row.floor.push(floor);
        }
        rows[0].note = memory_note(tree.memory);
        rows[2].note = memory_note(with_cards.memory);
    }
    measure::print("Import", "staged (COPY, then INSERT .. ON CONFLICT with 3 indexes)", &rows);
}

fn memory_note(megabytes: f64) -> String {
    let missed = if megabytes > MEMORY_MAX { "missed  " } else { "" };
    format!("{missed}{megabytes:.0} MB resident at most (target <{MEMORY_MAX:.0})")
}

/// Rows a second of organisations and members, staged in a database of their own.
fn floors(files: &UnionFiles, (organisations, members): (usize, usize)) -> (f64, f64) {
    let database = harness::empty_database();
    let mut connection = database.connect();
    connection.batch_execute(FLOOR).expect("the floor's tables can be made");
    let tree =
        staged(&mut connection, staged_organisations::table, &files.organisations, FLOOR_ORGANISATIONS);
    let people = staged(&mut connection, staged_members::table, &files.members, FLOOR_MEMBERS);
    (organisations as f64 / tree.as_secs_f64(), members as f64 / people.as_secs_f64())
}

/// Cards a second, written by arrays for as many members, as large a part at a time as the program takes, in one
/// transaction like the program's.
fn card_rows_alone(members: usize) -> f64 {
    let database = harness::database();
    let mut connection = database.connect();
    card_rows::tables(&mut connection);
    let holders: Vec<MemberId> = (0..members).map(|_| MemberId::generate()).collect();
    let started = Instant::now();
    let done: QueryResult<()> = connection.transaction(|connection| {
        let mut numbers = card_rows::numbers();
        for part in holders.chunks(CARDS_AT_ONCE) {
            card_rows::write(connection, part, &mut numbers);
        }
        Ok(())
    });
    done.expect("the floor takes the cards");
    members as f64 / started.elapsed().as_secs_f64()
}

/// `COPY` of the file as it is, then one statement, in one transaction.
fn staged<T: Table + CopyTarget<Table = T> + Clone>(
    connection: &mut PgConnection,
    table: T,
    file: &Path,
    insert: &str,
) -> Duration {
    let started = Instant::now();
    let done: QueryResult<()> = connection.transaction(|connection| {
        diesel::copy_from(table.clone())
            .from_raw_data(table, |out| -> QueryResult<()> {
                let mut file =
                    BufReader::with_capacity(256 * 1_024, File::open(file).expect("it was written"));
                file.read_line(&mut String::new()).expect("it has a header");
                std::io::copy(&mut file, out).expect("the database takes it");
                Ok(())
            })
            .with_format(CopyFormat::Csv)
            .execute(connection)?;
        connection.batch_execute(insert)
    });
    done.expect("the floor takes the file");
    started.elapsed()
}

/// What a run of the program did.
struct Run {
    /// Rows a second.
    rate: f64,
    /// Most resident memory, in MB.
    memory: f64,
}

/// `unioncard import organisations`, then `members` with a virtual card each, over an empty database.
fn programs(data: &Path, files: &UnionFiles, (organisations, members): (usize, usize)) -> (Run, Run) {
    let database = harness::database();
    let tree = import(data, &database, ("organisations", &files.organisations), organisations);
    let people = import(data, &database, ("members", &files.members), members);
    (tree, people)
}

fn import(data: &Path, database: &TestDatabase, (kind, file): (&str, &Path), rows: usize) -> Run {
    let file = file.to_str().expect("the path is text");
    let mut command = program::command(data, &["import", kind, file]);
    command.env("DATABASE_URL", database.url()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn().expect("the program runs");
    let Used { memory, .. } = process::watch(&mut child);
    Run { rate: rows as f64 / started.elapsed().as_secs_f64(), memory }
}

/// Members through the importer in this process, without the cards that the program issues in the same transaction.
fn register_alone(files: &UnionFiles, members: usize) -> f64 {
    let database = harness::database();
    let mut connection = database.connect();
    let now = Clock::system().now();
    let open = |path: &Path| File::open(path).expect("it was written");
    imports::organisations(&mut connection, &mut open(&files.organisations), &mut |_| Ok(()), now)
        .expect("the organisations can be taken");
    let sealer = Sealer::new(&[7; 32]);
    let started = Instant::now();
    let (report, _) =
        imports::members(&mut connection, (&sealer, None), &mut open(&files.members), &mut |_| Ok(()), now)
            .expect("the members can be taken");
    assert_eq!(usize::try_from(report.created), Ok(members), "{report:?}");
    members as f64 / started.elapsed().as_secs_f64()
}
