//! Transfers a second of `ledger verify`, and of closing its days, beside a plain sequential sum over the same tables. The
//! ledger's purchases are made in bulk; the nightly job releases three fifths of them, and the engine has some returned and
//! others paid with points.
#![allow(
    clippy::as_conversions,
    reason = "a benchmark stops where something is not as it expects, and its figures are rounded"
)]

#[path = "support/measure.rs"]
mod measure;
#[path = "support/memory.rs"]
mod memory;

use std::time::Instant;

use cashback_engine::ledger::{audit, closing};
use cashback_engine::partners::{self, NewOutlet, NewPartner};
use cashback_engine::posting::{self, Audience, Buyer, CardStanding, Presented, Sale, Source};
use cashback_engine::refunds::{self, Return, Returned};
use cashback_engine::rules::{BookCache, RuleDraft, store};
use cashback_engine::{PartnerId, PurchaseId, RuleId, enrolments, jobs};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Uuid as SqlUuid};
use shared_kernel::clock::Clock;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::{Money, Rate};

use self::measure::{Row, scaled};

/// So many in all, about 2.7 a purchase: two of its own, and most are released.
const TRANSFERS: u32 = 5_000_000;
/// Tenths of a transfer a purchase.
const TENTHS: i64 = 27;
/// Of how many purchases one is returned in part, and one paid with points.
const ONE_OF: i64 = 50;
/// Purchases and refunds of a commit.
const BATCH: usize = 256;
const MEMBERS: u32 = 100_000;
/// Over so many days.
const DAYS: i64 = 50;
/// The whole check of that many may take so long.
const SECONDS_MAX: f64 = 60.0;

/// A day's purchases, evenly over the day, by rows alone: 5 % cashback, 2 % commission, no refunds.
const PURCHASES: &str = r#"
    WITH new AS MATERIALIZED (
        SELECT n, ledger.new_id($1 + n * interval '1 day' / $2) AS id, $1 + n * interval '1 day' / $2 AS at,
            m.member_id, 10000 + ($3 * $2 + n) * 7919 % 500000 AS amount
        FROM generate_series(0, $2 - 1) AS n JOIN numbered AS m ON m.number = ($3 * $2 + n) * 7919 % $5
    ), priced AS MATERIALIZED (
        SELECT *, (amount * 5 + 50) / 100 AS cashback, (amount * 2 + 50) / 100 AS commission,
            ((at AT TIME ZONE 'Europe/Moscow')::date + 20 + 1)::timestamp AT TIME ZONE 'Europe/Moscow' AS available_at,
            ((at AT TIME ZONE 'Europe/Moscow')::date + interval '12 months')::date AS expires_on
        FROM new
    ), receipts AS (
        INSERT INTO ledger.receipts SELECT 1, format('R-%s-%s', $3, n), id FROM priced
    ), purchases AS (
        INSERT INTO ledger.purchases (id, member_id, outlet_id, receipt, source, posted_by, occurred_at, booked_at,
            status, captured, amount, redeemed, redeemed_left, commission, commission_left, cashback, cashback_left,
            commission_rate, available_at, expires_on, terms)
        SELECT id, member_id, 1, format('R-%s-%s', $3, n), 'api', id, at, at, 'posted', true, amount, 0, 0, commission,
            commission, cashback, cashback, 20000, available_at, expires_on,
            jsonb_build_object('a', jsonb_build_array(jsonb_build_object('r', $4, 'v', 1,
                'e', jsonb_build_object('n', amount, 'd', 1), 'b', cashback, 'c', 900000000, 'g', cashback)))
        FROM priced
    ), lots AS (
        INSERT INTO ledger.lots (member_id, purchase_id, part, amount, remaining, available_at, expires_on, released)
        SELECT member_id, id, 0, cashback, cashback, available_at, expires_on, false FROM priced
    ), postings AS (
        INSERT INTO ledger.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
        SELECT id, 'purchase', member_id, id, at, at, (at AT TIME ZONE 'Europe/Moscow')::date FROM priced ORDER BY id
    )
    INSERT INTO ledger.transfers (posting_id, ordinal, debit, credit, amount, member_id)
    SELECT id, 0, 100, 1, cashback, member_id FROM priced UNION ALL SELECT id, 1, 100, 11, commission, NULL FROM priced"#;

/// What the members have of it.
const SUMS: &str = "
    UPDATE ledger.balances AS b SET pending = s.cashback
    FROM (SELECT member_id, sum(cashback) AS cashback FROM ledger.purchases GROUP BY 1) AS s
    WHERE b.member_id = s.member_id;
    INSERT INTO ledger.cap_usage
    SELECT member_id, (terms -> 'a' -> 0 ->> 'r')::uuid, 'month',
        date_trunc('month', occurred_at AT TIME ZONE 'Europe/Moscow')::date, sum(cashback)
    FROM ledger.purchases GROUP BY 1, 2, 4;
    UPDATE ledger.budget_usage SET used = (SELECT sum(cashback) FROM ledger.purchases);
    VACUUM ANALYZE";

const SEQUENTIAL: &str = "SET max_parallel_workers_per_gather = 0;
    SELECT sum(amount) FROM ledger.transfers; SELECT count(booked_at) FROM ledger.postings;
    SELECT sum(cashback) FROM ledger.purchases; RESET max_parallel_workers_per_gather";

fn main() {
    let (members, a_day) = (scaled(MEMBERS), scaled(TRANSFERS) as i64 * 10 / TENTHS / DAYS);
    let database = harness::database();
    let (mut connection, mut beside) = (database.connect(), database.connect());
    let now = Clock::system().now();
    furnish(&mut connection, members, a_day, now);
    let books = BookCache::default();
    live_on(&mut connection, &books, now);
    let transfers = audit::verify(&mut connection, &books).expect("the database answers").transfers as f64;
    let closed = seconds(|| {
        while connection
            .transaction(|c| closing::close_day(c, &books, now, now))
            .expect("a day closes")
            .is_some()
        {}
    });
    let mut whole = Row::new(format!("verify {transfers} transfers"), None);
    let mut since = Row::new("verify since the last closed day", None);
    let mut closing = Row::new(format!("close {DAYS} days"), None);
    closing.ours.push(transfers / closed);
    for _ in 0..measure::ROUNDS {
        let plain = seconds(|| connection.batch_execute(SEQUENTIAL).expect("the tables can be read"));
        let took = seconds(|| {
            let report = audit::verify_by_two((&mut connection, &mut beside), &books, None)
                .expect("the database answers");
            assert!(report.ok && report.transfers as f64 == transfers, "{report:#?}");
        });
        whole.ours.push(transfers / took);
        let limit = SECONDS_MAX * transfers / f64::from(TRANSFERS);
        whole.note = format!("{took:.1} s{}", if took > limit { ", missed: 60 s for 5 million" } else { "" });
        let last: chrono::NaiveDate = diesel::sql_query("SELECT max(day) AS day FROM ledger.closed_days")
            .get_result::<Day>(&mut connection)
            .expect("days are closed")
            .day;
        let took = seconds(|| {
            assert!(
                audit::verify_by_two((&mut connection, &mut beside), &books, Some(last))
                    .expect("it is closed")
                    .ok
            );
        });
        since.ours.push(transfers / took);
        since.note = format!("{took:.1} s");
        for row in [&mut whole, &mut since, &mut closing] {
            row.floor.push(transfers / plain);
        }
    }
    measure::print("Verifying the ledger", "a plain sum", &[whole, since, closing]);
    println!("{:.0} MB resident at most", memory::resident_most());
}

#[derive(QueryableByName)]
struct Bought {
    #[diesel(sql_type = SqlUuid)]
    id: PurchaseId,
    #[diesel(sql_type = SqlUuid)]
    member_id: MemberId,
    #[diesel(sql_type = BigInt)]
    amount: i64,
}

/// Releases what is due; returns a part of some purchases, and lets the buyers of as many others pay with points.
fn live_on(connection: &mut PgConnection, books: &BookCache, now: DateTime<Utc>) {
    while connection.transaction(|c| jobs::release_holds(c, books, now, now)).expect("holds end") > 0 {}
    let bought: Vec<Bought> = diesel::sql_query(
        "SELECT id, member_id, amount FROM ledger.purchases WHERE abs(hashtext(id::text)) % $1 = 0 ORDER BY id",
    )
    .bind::<BigInt, _>(ONE_OF)
    .load(connection)
    .expect("purchases can be read");
    let partner = books.current(connection).expect("the book can be read");
    let partner = partner.outlet("shop-1").expect("it was made").partner_id;
    for some in bought.chunks(BATCH) {
        let returns: Vec<Return> = some.iter().map(|bought| returned(bought, partner, now)).collect();
        let sales: Vec<Sale> = some.iter().map(|bought| paid_with_points(bought, partner, now)).collect();
        connection
            .transaction(|connection| -> QueryResult<()> {
                let refunded = refunds::refund(connection, books, &returns, now)?;
                assert!(refunded.iter().all(Result::is_ok), "what was bought can be returned");
                posting::post(connection, books, &sales, now)?;
                Ok(())
            })
            .expect("the ledger lives on");
    }
}

fn returned(bought: &Bought, partner: PartnerId, now: DateTime<Utc>) -> Return {
    Return {
        purchase: bought.id,
        partner: Some(partner),
        what: Returned::Amount(Money::from_kopecks(bought.amount / 3)),
        reference: "back".to_owned(),
        fiscal: None,
        occurred_at: now,
    }
}

/// 100.00, ten of them with points; who has none is refused.
fn paid_with_points(bought: &Bought, partner: PartnerId, now: DateTime<Utc>) -> Sale {
    Sale {
        partner,
        outlet: "shop-1".to_owned(),
        receipt: format!("P-{}", bought.id),
        occurred_at: now,
        amount: Money::from_kopecks(10_000),
        lines: None,
        redeem: Money::from_kopecks(1_000),
        fiscal: None,
        capture: true,
        presented: Presented::LiveCode,
        buyer: Buyer {
            limits: None,
            member: bought.member_id,
            card: None,
            card_standing: CardStanding::Valid,
            audience: Audience::default(),
        },
        source: Source::Api,
        posted_by: Uuid::nil(),
        by_hand: false,
    }
}

#[derive(QueryableByName)]
struct Day {
    #[diesel(sql_type = Date)]
    day: chrono::NaiveDate,
}

fn seconds(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

/// A partner with a capped rule, members, and the rows of so many purchases a day.
fn furnish(connection: &mut PgConnection, members: usize, a_day: i64, now: DateTime<Utc>) {
    let first = now - TimeDelta::days(DAYS + 1);
    let rule = partner_and_rule(connection, first - TimeDelta::days(1));
    let ids: Vec<MemberId> = (0..members).map(|_| MemberId::generate()).collect();
    for some in ids.chunks(5_000) {
        enrolments::enrol_many(connection, some, "1", "bench", first).expect("members can be enrolled");
    }
    jobs::ensure_partitions(connection, first.date_naive(), now.date_naive()).expect("months can be made");
    connection
        .batch_execute(
            "SET session_replication_role = replica;
             CREATE TEMP TABLE numbered AS SELECT row_number() OVER () - 1 AS number, member_id FROM ledger.balances;
             CREATE UNIQUE INDEX ON numbered (number); ANALYZE numbered",
        )
        .expect("the members can be numbered");
    for day in 0..DAYS {
        diesel::sql_query(PURCHASES)
            .bind::<diesel::sql_types::Timestamptz, _>(first + TimeDelta::days(day))
            .bind::<BigInt, _>(a_day)
            .bind::<BigInt, _>(day)
            .bind::<SqlUuid, _>(rule)
            .bind::<BigInt, _>(members as i64)
            .execute(connection)
            .expect("a day's rows can be written");
        eprint!("\r{} of {DAYS} days", day + 1);
    }
    eprintln!();
    for statement in SUMS.split(';') {
        connection.batch_execute(statement).expect("the sums can be written");
    }
    connection.batch_execute("RESET session_replication_role").expect("it was set");
}

fn partner_and_rule(connection: &mut PgConnection, long_ago: DateTime<Utc>) -> RuleId {
    let new = NewPartner {
        code: "shop".to_owned(),
        name: "shop".to_owned(),
        commission_rate: Rate::from_millionths(20_000),
        redeem_share: Rate::from_millionths(500_000),
        redeem_least: Money::ZERO,
        fiscal_counts_points: false,
    };
    let partner = partners::create(connection, &new, long_ago).expect("the partner is right").id;
    let outlet = NewOutlet {
        code: "shop-1".to_owned(),
        name: "shop".to_owned(),
        town: "Москва".to_owned(),
        zone: "Europe/Moscow".to_owned(),
    };
    partners::add_outlet(connection, partner, &outlet, long_ago).expect("the outlet is right");
    let json = r#"{"name":"5 %","partner":"shop","earn":{"percent":"5"},"hold_days":20,
        "caps":{"per_member":{"amount":"9000000.00","period":"month"},"budget":"1000000000.00"}}"#;
    let draft: RuleDraft = serde_json::from_str(json).expect("the rule is right");
    let rule = store::create(connection, &draft, Uuid::new_v4(), long_ago).expect("it can be drafted");
    store::approve(connection, rule.id, 1, Uuid::new_v4(), long_ago).expect("somebody else approves it");
    rule.id
}
