//! An import, a register and an issue of cards killed half-way: nothing of the first is there, whole batches of the
//! others are, and the same again comes to the end that an undisturbed run comes to.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use cashback_engine::enrolments;
use cashback_engine::posting::BATCH_MAX;
use cashback_engine::rules::{RuleDraft, store};
use chrono::{SecondsFormat, TimeDelta};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use harness::{TestDatabase, database, program};
use serde_json::{Value, json};
use shared_kernel::clock::Clock;
use shared_kernel::ids::{MemberId, Uuid};
use unioncard::app::App;
use unioncard::config::Settings;
use unioncard::files::{imports, registers};

const MEMBERS: usize = 1_500;
/// More than a batch of a register has.
const ROWS: usize = 1_500;
const SETTLED: &str = "SELECT count(*) FROM ledger.register_rows WHERE outcome IS NOT NULL";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(connection: &mut PgConnection, query: &str) -> i64 {
    let row: Number =
        diesel::sql_query(format!("SELECT ({query}) AS number")).get_result(connection).unwrap();
    row.number
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// A database and the data folder of whoever works on it.
struct House {
    database: TestDatabase,
    folder: tempfile::TempDir,
}

impl House {
    fn open() -> Self {
        let house = Self { database: database(), folder: tempfile::tempdir().unwrap() };
        let organisations = "code,name,kind,parent_code,inn,region_code\nC-1,Centre,central,,,\n";
        let file = write(house.folder.path(), "organisations.csv", organisations);
        house.run(&["import", "organisations", &file]);
        house
    }

    fn number(&self, query: &str) -> i64 {
        number(&mut self.database.connect(), query)
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = program::command(self.folder.path(), arguments);
        command.env("DATABASE_URL", self.database.url()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program runs")
    }

    fn run(&self, arguments: &[&str]) -> Value {
        let mut command = program::command(self.folder.path(), arguments);
        let output = command.env("DATABASE_URL", self.database.url()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {told}"))
    }

    /// Runs a command that comes to wait for a lock this test holds, kills it there once so many rows of a register have
    /// their outcome, and waits until PostgreSQL has given up what it was at.
    fn killed_at(&self, lock: &str, settled: i64, arguments: &[&str]) {
        let mut holder = self.database.connect();
        holder.batch_execute(&format!("BEGIN; {lock}")).unwrap();
        let mut running = self.start(arguments);
        let mut watch = self.database.connect();
        let waits = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let until = Instant::now() + Duration::from_secs(60);
        while number(&mut watch, waits) == 0 || number(&mut watch, SETTLED) < settled {
            assert!(Instant::now() < until, "{arguments:?} never comes to {lock}");
            assert!(running.try_wait().unwrap().is_none(), "{arguments:?} ends without coming to {lock}");
            std::thread::sleep(Duration::from_millis(20));
        }
        running.kill().unwrap();
        running.wait().unwrap();
        holder.batch_execute("ROLLBACK").unwrap();
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
        drop(holder);
        while number(&mut watch, others) > 0 {
            assert!(Instant::now() < until, "a killed program's transactions end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn members(count: usize) -> String {
    let mut file =
        "membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,\
                    category,position,joined_on,consent_on\n"
            .to_owned();
    for member in 1..=count {
        file += &format!(
            "{member:09},C-1,Попова,Ольга,,female,1990-01-02,,m{member}@example.org,worker,,2020-03-01,2020-03-01\n"
        );
    }
    file
}

#[test]
fn a_killed_issue_of_cards_keeps_whole_chunks_and_gives_nobody_two() {
    let house = House::open();
    let chunk = usize::try_from(imports::CHUNK).unwrap();
    let file = write(house.folder.path(), "members.csv", &members(chunk + 500));
    assert_eq!(house.run(&["import", "members", &file])["created"], chunk + 500);
    let plastic = || house.number("SELECT count(*) FROM cards.cards WHERE kind = 'plastic'");
    let told = || house.number("SELECT count(*) FROM platform.outbox WHERE kind = 'card.ordered'");
    let before = told();
    // The member of the last chunk's end gets the card by another hand, which doesn't let go.
    let lock = "INSERT INTO cards.cards (id, number, member_id, kind, status, ordered_at, expires_on)
        SELECT ledger.new_id(now()), '9643990000000000', member_id, 'plastic', 'ordered', now(), current_date + 1
        FROM cards.cards ORDER BY member_id DESC LIMIT 1";
    let issue = ["cards", "issue", "--kind", "plastic", "--organisation", "C-1"];
    house.killed_at(lock, 0, &issue);
    assert_eq!(
        (plastic(), told() - before),
        (imports::CHUNK, imports::CHUNK),
        "the first chunk, and all of it"
    );
    let rest = house.run(&issue);
    assert_eq!((&rest["issued"], &rest["skipped"]), (&json!(500), &json!(chunk)), "{rest}");
    let holders = "SELECT count(DISTINCT member_id) FROM cards.cards WHERE kind = 'plastic'";
    assert_eq!((plastic(), house.number(holders)), (imports::CHUNK + 500, imports::CHUNK + 500));
    assert_eq!(told() - before, imports::CHUNK + 500, "nobody is told twice");
    assert_eq!(house.run(&issue)["issued"], 0);
}

#[test]
fn a_killed_import_was_never_there() {
    let house = House::open();
    let file = write(house.folder.path(), "members.csv", &members(MEMBERS));
    let import = ["import", "members", file.as_str()];
    let everything =
        "SELECT (SELECT count(*) FROM registry.members) + (SELECT count(*) FROM registry.memberships)
        + (SELECT count(*) FROM registry.consents) + (SELECT count(*) FROM cards.cards)
        + (SELECT count(*) FROM cards.devices) + (SELECT count(*) FROM platform.outbox)";
    let indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname IN ('registry', 'cards')";
    let before = (house.number(everything), house.number(indexes));
    // Once before members are written, once when they are and their cards come.
    for table in ["registry.members", "cards.cards"] {
        house.killed_at(&format!("LOCK TABLE {table} IN SHARE MODE"), 0, &import);
        assert_eq!((house.number(everything), house.number(indexes)), before, "{table}");
    }
    let report = house.run(&import);
    assert_eq!((&report["created"], &report["rejected"]), (&json!(MEMBERS), &json!(0)), "{report}");
    let again = house.run(&import);
    assert_eq!((&again["created"], &again["unchanged"]), (&json!(0), &json!(MEMBERS)), "{again}");
    assert_eq!(house.number("SELECT count(*) FROM cards.cards"), i64::try_from(MEMBERS).unwrap());
    assert_eq!(house.number(indexes), before.1);
}

#[derive(QueryableByName)]
struct Card {
    #[diesel(sql_type = SqlUuid)]
    member_id: MemberId,
    #[diesel(sql_type = Text)]
    number: String,
}

/// Two members in the programme with a card each, and a partner whose rule gives 5 %.
fn shop(house: &House) -> Vec<Card> {
    let file = write(house.folder.path(), "members.csv", &members(2));
    house.run(&["import", "members", &file]);
    let outlet = "market-1:Тверская:Москва:Europe/Moscow";
    house.run(&["admin", "create-partner", "--code", "market", "--name", "Рынок", "--outlet", outlet]);
    let connection = &mut house.database.connect();
    let cards: Vec<Card> =
        diesel::sql_query("SELECT member_id, number::text AS number FROM cards.cards ORDER BY member_id")
            .load(connection)
            .unwrap();
    let now = crate::crash::now();
    let members: Vec<MemberId> = cards.iter().map(|card| card.member_id).collect();
    enrolments::enrol_many(connection, &members, "2026-1", "test", now - TimeDelta::days(90)).unwrap();
    let rule = json!({ "name": "5 %", "partner": "market", "earn": { "percent": "5" } });
    let draft: RuleDraft = serde_json::from_value(rule).unwrap();
    let rule = store::create(connection, &draft, Uuid::new_v4(), now - TimeDelta::days(60)).unwrap();
    store::approve(connection, rule.id, 1, Uuid::new_v4(), now - TimeDelta::days(60)).unwrap();
    cards
}

#[test]
fn a_killed_register_goes_on_where_it_stopped() {
    let house = House::open();
    let cards = shop(&house);
    let at = (crate::crash::now() - TimeDelta::hours(2)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut file = "outlet,receipt,occurred_at,card_number,amount,category,kind,reference\n".to_owned();
    for row in 0..ROWS {
        // The second member's rows are all beyond the first batch.
        let card = &cards[usize::from(row >= BATCH_MAX)].number;
        file += &format!("market-1,R-{row},{at},{card},20.00,,sale,\n");
    }
    let file = write(house.folder.path(), "register.csv", &file);
    let load = ["registers", "load", "--partner", "market", file.as_str()];
    let second = cards[1].member_id;
    let lock = format!("SELECT FROM ledger.balances WHERE member_id = '{second}' FOR UPDATE");
    let batch = i64::try_from(BATCH_MAX).unwrap();
    house.killed_at(&lock, batch, &load);

    // The first batch is there, whole; of the second there is nothing.
    let purchases = "SELECT count(*) FROM ledger.purchases";
    assert_eq!((house.number(purchases), house.number(SETTLED)), (batch, batch));
    assert_eq!(house.run(&["ledger", "verify"])["ok"], true);

    // Whoever works files off next takes it up.
    let settings = Settings::of([
        ("database_url", house.database.url()),
        ("data_dir", house.folder.path().display().to_string()),
    ]);
    let app = App::open(settings.unwrap(), Clock::system()).unwrap();
    assert!(registers::work_off(&app).unwrap(), "a register waits");
    assert!(!registers::work_off(&app).unwrap(), "none is left");
    app.leave();
    let rows = i64::try_from(ROWS).unwrap();
    assert_eq!((house.number(purchases), house.number(SETTLED)), (rows, rows));
    let again = house.run(&load);
    assert_eq!(
        (&again["outcomes"]["posted"], &again["outcomes"]["matched"]),
        (&json!(0), &json!(ROWS)),
        "{again}"
    );
    assert_eq!(house.number(purchases), rows);
    let given = "SELECT sum(pending)::bigint FROM ledger.balances";
    assert_eq!(house.number(given), rows * 100, "a rouble for each");
    assert_eq!(house.run(&["ledger", "verify"])["ok"], true);
}
