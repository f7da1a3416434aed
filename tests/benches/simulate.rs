//! Purchases simulated a second, with ten live rules and three changes that ask about members and have caps and
//! budgets, beside a bare stream of the same rows; and how much memory that took.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

#[path = "support/measure.rs"]
mod measure;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/rules.rs"]
mod rules;
#[path = "support/union.rs"]
mod union;

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use cashback_engine::partners::{self, NewOutlet, NewPartner};
use cashback_engine::posting::{self, Audience, Buyer, CardStanding, Presented, Sale, Source};
use cashback_engine::rules::BookCache;
use cashback_engine::rules::simulate::{Question, Report, simulate};
use cashback_engine::{EngineError, PartnerId, enrolments};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use harness::TestDatabase;
use serde_json::json;
use shared_kernel::clock::Clock;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::{Money, Rate};
use union_registry::sealing::Sealer;
use union_registry::{facts, imports};

use self::measure::{ROUNDS, Row, scaled};

const PURCHASES: u32 = 200_000;
const MEMBERS: u32 = 20_000;
const ORGANISATIONS: usize = 2_000;
/// Posted for real; the rest are copies of their rows.
const POSTED: usize = 10_000;
/// Rows the bare stream takes at a time, as many as the simulation.
const CHUNK: i64 = 4_000;
/// Resident memory to stay below, in MB.
const MEMORY_MAX: f64 = 500.0;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shop = Shop::open(folder.path(), scaled(MEMBERS));
    let purchases = shop.fill(scaled(PURCHASES));
    let mut connection = shop.database.connect();
    let mut row = Row::new(format!("{purchases} purchases, 10 rules, 3 changes"), None);
    for round in 0..=ROUNDS {
        let before = memory::resident();
        let started = Instant::now();
        let report = shop.simulate(&mut connection);
        let ours = purchases as f64 / started.elapsed().as_secs_f64();
        assert_eq!(usize::try_from(report.purchases.total), Ok(purchases));
        let started = Instant::now();
        assert_eq!(stream(&mut connection), purchases);
        let floor = purchases as f64 / started.elapsed().as_secs_f64();
        if round > 0 {
            row.ours.push(ours);
            row.floor.push(floor);
        }
        let most = memory::resident_most();
        let missed = if most > MEMORY_MAX { "missed  " } else { "" };
        row.note = format!("{missed}{most:.0} MB resident at most, {before:.0} before the last");
    }
    measure::print("Simulation", "a bare stream of the same rows", &[row]);
}

/// A partner with rules, and members who take part.
struct Shop {
    database: TestDatabase,
    books: BookCache,
    partner: PartnerId,
    members: Vec<MemberId>,
    now: DateTime<Utc>,
}

impl Shop {
    fn open(folder: &Path, members: usize) -> Self {
        let database = harness::database();
        let mut connection = database.connect();
        let now = Clock::system().now();
        let members = register(&mut connection, folder, members, now);
        for some in members.chunks(5_000) {
            enrolments::enrol_many(&mut connection, some, "1", "bench", now - TimeDelta::days(400))
                .expect("members can be enrolled");
        }
        let partner = partner(&mut connection, now);
        Self { database, books: BookCache::default(), partner, members, now }
    }

    /// Posts some purchases and copies their rows until there are so many; how many there are.
    fn fill(&self, purchases: usize) -> usize {
        let mut connection = self.database.connect();
        for first in (0..POSTED).step_by(1_000) {
            let sales: Vec<Sale> = (first..first + 1_000).map(|number| self.sale(number)).collect();
            let asked: Vec<(MemberId, DateTime<Utc>)> =
                sales.iter().map(|sale| (sale.buyer.member, sale.occurred_at)).collect();
            let known = audiences(&mut connection, &asked).expect("the register answers");
            let sales: Vec<Sale> = sales
                .into_iter()
                .zip(known)
                .map(|(sale, audience)| Sale { buyer: Buyer { audience, ..sale.buyer }, ..sale })
                .collect();
            let answers = connection
                .transaction(|connection| posting::post(connection, &self.books, &sales, self.now))
                .expect("the batch can be posted");
            assert!(answers.iter().all(Result::is_ok));
        }
        let copies = (purchases / POSTED).max(1) - 1;
        let columns = "member_id, outlet_id, receipt, card_id, source, posted_by, occurred_at, booked_at, status, \
             captured, amount, redeemed, redeemed_left, commission, commission_left, cashback, cashback_left, \
             refunded, refunded_by_amount, commission_rate, available_at, expires_on, terms, lines, kept, fiscal";
        connection
            .batch_execute(&format!(
                "INSERT INTO ledger.purchases (id, {columns})
                 SELECT ledger.new_id(booked_at), {columns} FROM ledger.purchases, generate_series(1, {copies});
                 ANALYZE ledger.purchases"
            ))
            .expect("rows can be copied");
        (copies + 1) * POSTED
    }

    fn sale(&self, number: usize) -> Sale {
        let amount = Money::from_kopecks(10_000 + (number * 7_919 % 500_000) as i64);
        let line = |category: &str, amount| posting::Line {
            sku: None,
            category: Some(category.to_owned()),
            quantity: None,
            amount,
        };
        let half = Money::from_kopecks(amount.kopecks() / 2);
        Sale {
            partner: self.partner,
            outlet: "shop-1".to_owned(),
            receipt: format!("R-{number}"),
            occurred_at: self.now - TimeDelta::minutes((number * 13 % 40_000) as i64),
            amount,
            lines: number.is_multiple_of(3).then(|| vec![line("books", amount - half), line("toys", half)]),
            redeem: Money::ZERO,
            fiscal: None,
            capture: true,
            presented: Presented::BareNumber,
            buyer: Buyer {
                limits: None,
                member: self.members[number * 7_919 % self.members.len()],
                card: None,
                card_standing: CardStanding::Valid,
                audience: Audience::default(),
            },
            source: Source::Api,
            posted_by: Uuid::nil(),
            by_hand: false,
        }
    }

    fn simulate(&self, connection: &mut PgConnection) -> Report {
        let day = |days| (self.now + TimeDelta::days(days)).date_naive().to_string();
        let question: Question = serde_json::from_value(json!({
            "from": day(-40), "to": day(1),
            "drafts": [
                { "name": "a", "partner": "shop", "earn": { "percent": "10" }, "caps": { "per_member": { "amount": "500.00", "period": "month" }, "budget": "5000000.00" } },
                { "name": "b", "partner": "shop", "earn": { "percent": "12" }, "when": { "members": { "organisation": "R-002", "categories": ["worker"] } } },
                { "name": "c", "partner": "shop", "earn": { "per": "500.00", "amount": "9.00" }, "stacking": "additive" },
            ],
        }))
        .expect("the question is right");
        simulate(connection, &self.books, &question, &mut audiences, &mut |_, _, _| Ok(()))
            .expect("the simulation runs")
    }
}

/// As the program asks the register.
fn audiences(
    connection: &mut PgConnection,
    asked: &[(MemberId, DateTime<Utc>)],
) -> Result<Vec<Audience>, EngineError> {
    let facts = facts::facts_for_posting(connection, asked).expect("the register answers");
    let audience = |facts: facts::Facts| Audience {
        organisations: facts.organisations.into(),
        category: Some(facts.category.to_string()),
        birth_date: facts.birth_date,
        joined_on: Some(facts.joined_on),
        sells: false,
    };
    Ok(facts.into_iter().map(|facts| facts.map(audience).unwrap_or_default()).collect())
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: MemberId,
}

fn register(connection: &mut PgConnection, folder: &Path, count: usize, now: DateTime<Utc>) -> Vec<MemberId> {
    let files = union::write(folder, ORGANISATIONS, count);
    let open = |path: &Path| File::open(path).expect("it was written");
    imports::organisations(connection, &mut open(&files.organisations), &mut |_| Ok(()), now)
        .expect("the organisations can be taken");
    let sealer = Sealer::new(&[7; 32]);
    imports::members(connection, (&sealer, None), &mut open(&files.members), &mut |_| Ok(()), now)
        .expect("the members can be taken");
    let rows: Vec<Id> = diesel::sql_query("SELECT id FROM registry.members ORDER BY id")
        .load(connection)
        .expect("the register answers");
    rows.into_iter().map(|row| row.id).collect()
}

fn partner(connection: &mut PgConnection, now: DateTime<Utc>) -> PartnerId {
    let new = NewPartner {
        code: "shop".to_owned(),
        name: "Shop".to_owned(),
        commission_rate: Rate::from_millionths(20_000),
        redeem_share: Rate::from_millionths(500_000),
        redeem_least: Money::ZERO,
        fiscal_counts_points: false,
    };
    let partner = partners::create(connection, &new, now).expect("the partner is right").id;
    let outlet = NewOutlet {
        code: "shop-1".to_owned(),
        name: "Shop".to_owned(),
        town: "Москва".to_owned(),
        zone: "Europe/Moscow".to_owned(),
    };
    partners::add_outlet(connection, partner, &outlet, now).expect("the outlet is right");
    rules::approve(connection, "shop", now);
    partner
}

/// A row as the simulation reads it, its JSON parsed by the driver alone.
#[derive(QueryableByName)]
#[allow(dead_code, reason = "the floor reads the columns and does nothing with them")]
struct Bare {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    member_id: Uuid,
    #[diesel(sql_type = Integer)]
    outlet_id: i32,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = BigInt)]
    redeemed: i64,
    #[diesel(sql_type = BigInt)]
    redeemed_left: i64,
    #[diesel(sql_type = BigInt)]
    refunded_by_amount: i64,
    #[diesel(sql_type = BigInt)]
    cashback_left: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    lines: Option<serde_json::Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    kept: Option<serde_json::Value>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

/// Reads the same rows in the same order and counts them.
fn stream(connection: &mut PgConnection) -> usize {
    let mut count = 0;
    let mut after = Uuid::nil();
    loop {
        let rows: Vec<Bare> = diesel::sql_query(
            "SELECT id, member_id, outlet_id, occurred_at, amount, redeemed, redeemed_left, refunded_by_amount,
                cashback_left, lines, kept, terms ->> 'w' AS reason
             FROM ledger.purchases WHERE id > $1 AND status NOT IN ('authorized', 'voided') ORDER BY id LIMIT $2",
        )
        .bind::<SqlUuid, _>(after)
        .bind::<BigInt, _>(CHUNK)
        .load(connection)
        .expect("the ledger answers");
        let Some(last) = rows.last() else { return count };
        after = last.id;
        count += rows.len();
    }
}
