//! The audit must find damage to every table of the ledger: each is damaged here or named as one that verify says nothing
//! about, so that a new table is thought of.

use cashback_engine::fraud::cases::{self, Decision, Verdict};
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::partners::{self, PartnerChanges};
use cashback_engine::posting::{CardLimits, Fiscal};
use cashback_engine::reconciliation::RegisterMode;
use cashback_engine::refunds::Returned;
use cashback_engine::{jobs, ledger};
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::paging::Limit;

use crate::engine_support::{Programme, line, money};
use crate::{engine_claims, engine_standing};

/// Damage, and the invariant it must break.
const DAMAGE: &[(&str, u8)] = &[
    ("UPDATE ledger.balances SET available = available + 1", 2),
    ("UPDATE ledger.balances SET reserved = reserved + 1", 2),
    ("UPDATE ledger.balances SET standing = 'left'", 2),
    ("DELETE FROM ledger.balances", 2),
    ("DELETE FROM ledger.enrolments", 2),
    ("UPDATE ledger.enrolments SET kind = 'left'", 2),
    ("UPDATE ledger.lots SET remaining = remaining - 1 WHERE remaining > 0", 2),
    ("UPDATE ledger.lots SET amount = amount + 1", 2),
    ("UPDATE ledger.lots SET amount = amount + 1, expired = expired + 1", 2),
    ("UPDATE ledger.lots SET expires_on = NULL", 2),
    ("UPDATE ledger.lots SET expires_on = expires_on + 30", 2),
    ("UPDATE ledger.lots SET expires_on = expires_on + 31", 2),
    ("UPDATE ledger.lots SET expires_on = expires_on + 4000", 2),
    ("UPDATE ledger.lots l SET expires_on = l.expires_on + 31 FROM ledger.adjustments a WHERE a.posting_id = l.purchase_id", 2),
    ("UPDATE ledger.lots l SET available_at = a.proposed_at FROM ledger.adjustments a WHERE a.posting_id = l.purchase_id", 2),
    ("UPDATE ledger.adjustments SET decided_at = decided_at - interval '1 day'", 2),
    ("UPDATE ledger.adjustments SET life_months = 3", 2),
    ("UPDATE ledger.lots SET expires_on = expires_on - 1", 2),
    ("UPDATE ledger.lots SET available_at = available_at - interval '1 day'", 2),
    ("DELETE FROM ledger.lots", 2),
    ("UPDATE ledger.accounts SET owner = 'shops' WHERE owner = 'shop'", 1),
    ("DELETE FROM ledger.accounts WHERE kind = 'commission'", 1),
    ("UPDATE ledger.partners SET code = 'shops' WHERE code = 'shop'", 1),
    ("DELETE FROM ledger.partners WHERE code = 'shop'", 1),
    ("DELETE FROM ledger.outlets", 1),
    ("UPDATE ledger.commission_rates SET partner_id = ledger.new_id(now())", 1),
    ("UPDATE ledger.outlets SET partner_id = (SELECT id FROM ledger.partners WHERE code = 'other')", 1),
    ("DELETE FROM ledger.rules", 1),
    ("DELETE FROM ledger.rule_versions", 3),
    ("UPDATE ledger.rule_versions SET terms = jsonb_set(terms, '{caps,per_purchase}', '\"1.00\"')", 3),
    ("UPDATE ledger.rule_versions SET terms = jsonb_set(terms, '{caps,budget}', '\"1.00\"')", 6),
    ("DELETE FROM ledger.programme", 1),
    ("UPDATE ledger.programme SET zone = 'Pacific/Pago_Pago'", 5),
    ("UPDATE ledger.transfers SET amount = amount + 1 WHERE debit = 2", 1),
    ("UPDATE ledger.transfers SET credit = 12 WHERE credit = 11", 1),
    ("UPDATE ledger.transfers SET debit = 999 WHERE debit = 100", 1),
    ("UPDATE ledger.transfers SET debit = 101 WHERE debit = 100", 1),
    ("DELETE FROM ledger.transfers WHERE credit = 11", 1),
    ("DELETE FROM ledger.postings WHERE kind = 'refund'", 1),
    ("UPDATE ledger.postings SET kind = 'release' WHERE kind = 'purchase'", 1),
    ("UPDATE ledger.postings SET purchase_id = NULL WHERE kind = 'purchase'", 1),
    ("UPDATE ledger.postings SET purchase_id = ledger.new_id(now()) WHERE kind = 'refund'", 1),
    ("UPDATE ledger.postings SET member_id = ledger.new_id(now())", 1),
    ("UPDATE ledger.postings SET booked_on = booked_on + 1", 5),
    ("DELETE FROM ledger.purchases WHERE status = 'posted'", 1),
    ("UPDATE ledger.purchases SET outlet_id = outlet_id + 100", 1),
    ("UPDATE ledger.purchases SET captured = NOT captured", 1),
    ("UPDATE ledger.purchases SET member_id = ledger.new_id(now()) WHERE redeemed = 0", 1),
    ("UPDATE ledger.purchases SET expires_on = expires_on + 40", 3),
    ("UPDATE ledger.purchases SET cashback = cashback + 1, cashback_left = cashback_left + 1", 3),
    ("UPDATE ledger.purchases SET commission_rate = 50000", 3),
    ("UPDATE ledger.purchases SET terms = jsonb_set(terms, '{a,0,g}', '1') WHERE status = 'posted'", 3),
    ("UPDATE ledger.purchases SET terms = jsonb_set(terms, '{a,0,e,n}', '1') WHERE status = 'posted'", 3),
    ("UPDATE ledger.purchases SET terms = '{\"a\":1}'", 3),
    ("UPDATE ledger.purchases SET terms = jsonb_set(terms, '{a,0,l}', '[1]') WHERE lines IS NOT NULL", 3),
    ("UPDATE ledger.purchases SET lines = NULL", 3),
    ("UPDATE ledger.purchases SET lines = '[]' WHERE lines IS NOT NULL", 3),
    ("UPDATE ledger.purchases SET terms = terms - 'k'", 6),
    ("UPDATE ledger.card_usage SET earned = earned + 1", 6),
    ("UPDATE ledger.card_usage SET redeemed = redeemed + 1 WHERE span = 'day'", 6),
    ("DELETE FROM ledger.card_usage", 6),
    ("UPDATE ledger.purchases SET refunded = 0, refunded_by_amount = 0", 3),
    ("UPDATE ledger.purchases SET kept = jsonb_set(kept, '{l,0}', '1') WHERE kept IS NOT NULL", 3),
    ("UPDATE ledger.purchases SET kept = NULL", 3),
    ("UPDATE ledger.purchases SET status = 'refunded' WHERE status = 'partly_refunded'", 3),
    ("DELETE FROM ledger.receipts", 3),
    ("UPDATE ledger.receipts SET receipt = receipt || 'x'", 3),
    ("DELETE FROM ledger.fiscal_receipts", 3),
    ("UPDATE ledger.fiscal_receipts SET document = document + 1000", 3),
    ("DELETE FROM ledger.refunds", 3),
    ("DELETE FROM ledger.refunds r USING ledger.purchases b WHERE b.id = r.purchase_id AND NOT b.captured", 3),
    (
        "UPDATE ledger.refunds r SET amount = r.amount - 1 FROM ledger.purchases b
         WHERE b.id = r.purchase_id AND NOT b.captured",
        3,
    ),
    (
        "UPDATE ledger.refunds r SET lines = '[{\"amount\":\"20.00\"}]' FROM ledger.purchases b
         WHERE b.id = r.purchase_id AND NOT b.captured",
        3,
    ),
    ("UPDATE ledger.purchases SET kept = kept - 'c' WHERE NOT captured", 3),
    ("UPDATE ledger.purchases SET booked_at = booked_at - interval '8 days' WHERE status = 'authorized'", 1),
    ("UPDATE ledger.purchases SET occurred_at = occurred_at + interval '1 minute' WHERE redeemed > 0", 1),
    ("UPDATE ledger.refunds SET posting_id = ledger.new_id(now())", 3),
    ("UPDATE ledger.refunds SET lines = NULL", 3),
    ("UPDATE ledger.spendings SET returned = amount", 3),
    ("UPDATE ledger.spendings SET lot_purchase_id = ledger.new_id(now())", 3),
    (
        "UPDATE ledger.spendings s SET (lot_purchase_id, lot_part) = (SELECT l.purchase_id, l.part FROM ledger.lots l
            WHERE l.member_id = s.member_id ORDER BY l.amount LIMIT 1)",
        3,
    ),
    ("DELETE FROM ledger.spendings", 3),
    ("UPDATE ledger.purchases SET status = 'voided' WHERE status = 'authorized'", 4),
    ("UPDATE ledger.lots SET held = false", 2),
    ("UPDATE ledger.lots SET held = NOT released", 2),
    ("DELETE FROM ledger.fraud_cases", 2),
    ("UPDATE ledger.fraud_cases SET status = 'released' WHERE status = 'held'", 2),
    ("UPDATE ledger.fraud_cases SET status = 'blocked'", 2),
    ("UPDATE ledger.purchases SET terms = terms - 'h'", 3),
    ("UPDATE ledger.purchases SET cashback_left = 100 WHERE terms ->> 'h' = 'blocked'", 3),
    ("DELETE FROM ledger.postings WHERE kind = 'clawback'", 1),
    ("UPDATE ledger.postings SET kind = 'refund' WHERE kind = 'clawback'", 3),
    ("UPDATE ledger.claims SET purchase_id = ledger.new_id(now()) WHERE purchase_id IS NOT NULL", 3),
    ("UPDATE ledger.claims SET document = document + 10", 3),
    ("UPDATE ledger.claims SET in_play = false WHERE status = 'approved'", 3),
    ("DELETE FROM ledger.claims", 3),
    ("UPDATE ledger.balances SET claims = 0", 3),
    ("UPDATE ledger.cap_usage SET used = used + 1", 6),
    ("DELETE FROM ledger.cap_usage", 6),
    ("UPDATE ledger.budget_usage SET used = used - 1", 6),
    ("DELETE FROM ledger.budget_usage", 6),
    ("UPDATE ledger.finished_jobs SET judged_at = judged_at + interval '3 years' WHERE job = 'expire'", 6),
    ("DELETE FROM ledger.registers", 3),
    ("UPDATE ledger.registers SET row_count = 99", 3),
    ("DELETE FROM ledger.register_rows WHERE place = 1", 3),
    ("UPDATE ledger.register_rows SET purchase_id = ledger.new_id(now())", 3),
    ("UPDATE ledger.register_rows SET amount = amount + 1", 3),
    ("DELETE FROM ledger.closed_days", 5),
    ("UPDATE ledger.closed_days SET hash = sha256('x')", 5),
    ("UPDATE ledger.closed_days SET day = day - 1", 5),
    ("DELETE FROM ledger.day_totals", 5),
    ("UPDATE ledger.day_totals SET debit_total = debit_total + 1", 5),
];

/// Tables that verify says nothing about, and why.
const EXEMPT: &[(&str, &str)] = &[
    ("simulations", "questions and answers about the past; nothing is booked by them"),
    ("fraud_rules", "thresholds: any of them is as good as another; each case keeps what it was judged by"),
    ("fraud_counters", "what the watch goes by, forgotten after some days; what it held has its case"),
    ("former_exclusions", "settings that were; what they left out of a purchase stands in its frozen terms"),
    ("fiscal_drives", "whose till a claim is from; people decide by it, and foreign keys keep it whole"),
];

/// A programme with something in every table of the ledger, and a closed day.
fn full_programme() -> Programme {
    let mut programme = Programme::new();
    programme.rule(
        r#""earn":{"percent":"10"},"hold_days":0,
           "caps":{"per_member":{"amount":"500.00","period":"month"},"budget":"5000.00"}"#,
    );
    crate::engine_support::partner(&mut programme.connection, "other", "0.01", programme.now);
    let member = programme.member();
    let mut sale = programme.sale(member, "1200.00");
    sale.occurred_at -= TimeDelta::days(2);
    programme.post(&sale).unwrap();
    programme.now += TimeDelta::days(1);
    let books = programme.books.clone();
    let (connection, now) = (&mut programme.connection, programme.now);
    connection.transaction(|c| ledger::closing::close_day(c, &books, now, now)).unwrap().unwrap();
    assert_eq!(connection.transaction(|c| jobs::expire(c, &books, now, now)).unwrap(), 0);
    programme.now += TimeDelta::seconds(1);
    let mut sale = programme.sale(member, "200.00");
    sale.redeem = money("80.00");
    sale.lines = Some(vec![line("a", "b", "150.00"), line("c", "d", "50.00")]);
    let raw = "t=20261111T1200&s=120.00&fn=9287440300634471&i=13571&fp=3730902192&n=1";
    sale.fiscal = Some(Fiscal::parse(raw).unwrap());
    let id = programme.post(&sale).unwrap().purchase.id;
    programme.refund(id, Returned::Lines(vec![line("c", "d", "50.00")]), "1").unwrap();
    let mut sale = programme.sale(member, "40.00");
    sale.buyer.card = Some(CardId::generate());
    sale.buyer.limits = Some(CardLimits { earn_per_day: Some(1), ..CardLimits::default() });
    programme.post(&sale).unwrap();
    let dearer = PartnerChanges { commission_rate: "0.04".parse().ok(), ..PartnerChanges::default() };
    partners::change(&mut programme.connection, "shop", &dearer, programme.now).unwrap();
    let mut sale = programme.sale(member, "50.00");
    sale.redeem = money("10.00");
    sale.capture = false;
    programme.post(&sale).unwrap();
    let file = format!(
        "{}\nshop-1,reg,2026-11-10T12:00:00Z,c,10.00,,sale,\nshop-1,reg,2026-11-10T13:00:00Z,c,4.00,,refund,b",
        crate::engine_registers::HEADER
    );
    let cards = std::collections::HashMap::from([("c", member)]);
    let mode = RegisterMode::Post;
    crate::engine_registers::load(&mut programme, file.as_bytes(), mode, &cards);
    let given = format!("available:{member}");
    engine_standing::adjust(&mut programme, "adjustments:union", &given, "20.00").unwrap();
    in_two_steps(&mut programme, member);
    suspected_and_claimed(&mut programme, member);
    programme
}

/// A purchase captured for less, of which something came back later.
fn in_two_steps(programme: &mut Programme, member: MemberId) {
    let mut sale = programme.sale(member, "60.00");
    (sale.redeem, sale.capture) = (money("12.00"), false);
    let id = programme.post(&sale).unwrap().purchase.id;
    programme.capture(id, Some(&Returned::Amount(money("50.00")))).unwrap();
    programme.refund_amount(id, "20.00", "back");
}

/// A purchase held back, one whose cashback was taken back, a claim that was approved and one that waits.
fn suspected_and_claimed(programme: &mut Programme, member: MemberId) {
    engine_claims::watch(programme, FraudRule::CardDay, 0, FraudAction::Hold);
    for _ in 0..2 {
        programme.buy(member, "30.00");
    }
    let cases = cases::cases(&mut programme.connection, None, None, Limit::DEFAULT).unwrap().items;
    let decision = Decision { verdict: Verdict::Block { card: false }, by: Uuid::nil(), comment: None };
    let (books, now, id) = (programme.books.clone(), programme.now, cases[0].id);
    programme
        .connection
        .transaction(|connection| cases::decide(connection, &books, id, &decision, now))
        .unwrap();
    engine_claims::register_drive(programme);
    let approved = engine_claims::claim(programme, member, "90.00", 1);
    engine_claims::approve(programme, &approved, None);
    engine_claims::claim(programme, member, "80.00", 2);
}

#[test]
fn the_audit_finds_damage_to_every_table() {
    let mut programme = full_programme();
    programme.sound();
    let mut beside = programme.database.connect();
    let mut missed = Vec::new();
    for (damage, invariant) in DAMAGE {
        let report = damaged(&mut programme, damage, |connection, books| {
            Ok(ledger::audit::verify_by_two((connection, &mut beside), books, None).unwrap())
        });
        if !report.findings.iter().any(|finding| finding.invariant == *invariant) {
            missed.push((damage, invariant, report.findings.clone()));
        }
        assert!(report.findings.iter().all(|finding| !finding.rows.is_empty()), "{report:#?}");
    }
    assert!(missed.is_empty(), "damages must break their invariants: {missed:#?}");
    programme.sound();
}

#[test]
fn two_connections_find_what_one_does() {
    let mut programme = full_programme();
    let mut beside = programme.database.connect();
    let damage = "DELETE FROM ledger.purchases WHERE status = 'posted'";
    let [alone, by_two] = damaged(&mut programme, damage, |connection, books| {
        let alone = ledger::audit::verify(connection, books)?;
        Ok([alone, ledger::audit::verify_by_two((connection, &mut beside), books, None).unwrap()])
    });
    // Which rows a finding names, of many, is as they came.
    let said = |report: &ledger::audit::Report| -> Vec<(u8, String, usize)> {
        let findings = report.findings.iter();
        findings.map(|found| (found.invariant, found.what.clone(), found.rows.len())).collect()
    };
    assert!(alone.findings.len() > 4, "{alone:#?}");
    assert_eq!(said(&by_two), said(&alone));
}

#[test]
fn every_table_is_damaged_or_named_as_exempt() {
    let database = harness::database();
    let mut connection = database.connect();
    let damages: Vec<&str> = DAMAGE
        .iter()
        .map(|(damage, _)| *damage)
        .chain(engine_standing::DAMAGE.iter().map(|(damage, _)| *damage))
        .collect();
    let tables = tables(&mut connection);
    let is_damaged = |table: &str| {
        let (update, delete) = (format!("UPDATE ledger.{table} SET"), format!("DELETE FROM ledger.{table}"));
        damages.iter().any(|damage| {
            damage.starts_with(&update)
                || damage.strip_prefix(&delete).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    };
    for table in &tables {
        let exempt = EXEMPT.iter().any(|(name, why)| name == table && !why.is_empty());
        assert!(
            is_damaged(table) != exempt,
            "ledger.{table}: damage it here, or say why verify needn't see it"
        );
    }
    for (name, _) in EXEMPT {
        assert!(tables.iter().any(|table| table == name), "{name} is no table");
    }
}

/// What the audit says of books that somebody changed by hand; they are as before afterwards.
pub fn damaged<T>(
    programme: &mut Programme,
    damage: &str,
    audit: impl FnOnce(&mut PgConnection, &cashback_engine::rules::BookCache) -> QueryResult<T>,
) -> T {
    let mut connection = programme.database.connect();
    connection.batch_execute("SET session_replication_role = replica").unwrap();
    let before = snapshot(&mut connection);
    connection.batch_execute(damage).unwrap_or_else(|error| panic!("{damage}: {error}"));
    // What was judged by before is not what is judged by now.
    let found = audit(&mut connection, &cashback_engine::rules::BookCache::default());
    restore(&mut connection, &before);
    found.unwrap_or_else(|error| panic!("{damage}: {error}"))
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// The ledger's tables, partitions apart.
fn tables(connection: &mut PgConnection) -> Vec<String> {
    let found: Vec<Table> = diesel::sql_query(
        "SELECT relname::text AS name FROM pg_class
         WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1",
    )
    .load(connection)
    .unwrap();
    found.into_iter().map(|table| table.name).collect()
}

/// Copies of the tables, to bring them back after damage.
fn snapshot(connection: &mut PgConnection) -> Vec<String> {
    tables(connection)
        .iter()
        .map(|table| {
            connection
                .batch_execute(&format!(
                    "DROP TABLE IF EXISTS pg_temp.before_{table};
                     CREATE TEMP TABLE before_{table} AS SELECT * FROM ledger.{table}"
                ))
                .unwrap();
            format!(
                "DELETE FROM ledger.{table};
                 INSERT INTO ledger.{table} OVERRIDING SYSTEM VALUE SELECT * FROM before_{table}"
            )
        })
        .collect()
}

fn restore(connection: &mut PgConnection, statements: &[String]) {
    for statement in statements {
        connection.batch_execute(statement).unwrap();
    }
}
