//! Holds, expiry, authorisations given up, what members and finance read, and the audit that must find all damage.

use cashback_engine::fraud::cases::{self, Decision, Verdict};
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::ledger::{self, AccountName, read::PostingFilter};
use cashback_engine::operations::{OperationKind, operations};
use cashback_engine::partners::{self, PartnerChanges};
use cashback_engine::posting::{CardLimits, Presented};
use cashback_engine::refunds::Returned;
use cashback_engine::texts::{Language, Reader, sentences};
use cashback_engine::{enrolments, explanation, jobs};
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::paging::Limit;

use crate::engine_claims;
use crate::engine_support::{Programme, line, money};

/// Runs the nightly jobs as of the programme's now, twice: the second time nothing changes.
fn night(programme: &mut Programme) -> [i64; 4] {
    let mut counts = [[0; 4]; 2];
    for counts in &mut counts {
        let (books, now) = (programme.books.clone(), programme.now);
        *counts = programme
            .connection
            .transaction(|connection| -> QueryResult<[i64; 4]> {
                Ok([
                    jobs::release_holds(connection, &books, now, now)?,
                    jobs::pay_debts(connection, &books, now, now)?,
                    jobs::expire(connection, &books, now, now)?,
                    jobs::void_authorizations(connection, &books, now, now)?,
                ])
            })
            .unwrap();
    }
    assert_eq!(counts[1], [0; 4], "the second run changes nothing");
    counts[0]
}

fn sound(programme: &mut Programme) {
    let books = programme.books.clone();
    let report = ledger::audit::verify(&mut programme.connection, &books).unwrap();
    assert!(report.ok, "{report:#?}");
    let trial = ledger::read::trial_balance(&mut programme.connection, programme.now).unwrap();
    assert!(trial.balanced, "{trial:#?}");
}

#[test]
fn a_hold_ends_and_a_life_ends() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":14,"life_months":1"#);
    let member = programme.member();
    let kept = programme.buy(member, "100.00").purchase;
    programme.now += TimeDelta::days(14);
    assert_eq!(night(&mut programme), [0; 4], "the 24th: the hold is not over");
    programme.now += TimeDelta::days(1);
    assert_eq!(night(&mut programme), [1, 0, 0, 0]);
    assert_eq!(programme.balance(member), ["0.00", "10.00", "0.00", "0.00"]);
    programme.now = crate::engine_support::at("2026-12-10T20:59:59Z");
    assert_eq!(programme.balance(member)[1], "10.00", "until the end of the last day");
    programme.now += TimeDelta::seconds(1);
    assert_eq!(programme.balance(member)[1], "0.00", "past it, whether or not the job has run");
    let mut sale = programme.sale(member, "100.00");
    sale.redeem = money("10.00");
    assert!(programme.post(&sale).is_err());
    assert_eq!(night(&mut programme), [0, 0, 1, 0]);
    assert_eq!(programme.debited("breakage", "union"), "-10.00");
    // A late refund takes it back from breakage, not from the member.
    programme.refund_amount(kept.id, "100.00", "late");
    assert_eq!(programme.balance(member), ["0.00"; 4].map(str::to_owned));
    assert_eq!(programme.debited("breakage", "union"), "0.00");
    assert_eq!(programme.debited("receivable", "shop"), "0.00");
    sound(&mut programme);
}

#[test]
fn release_pays_debt_first() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":1"#);
    let member = programme.member();
    let first = programme.buy(member, "1000.00").purchase;
    programme.now += TimeDelta::days(3);
    night(&mut programme);
    let mut sale = programme.sale(member, "200.00");
    sale.redeem = money("90.00");
    programme.post(&sale).unwrap();
    programme.refund_amount(first.id, "1000.00", "1");
    assert_eq!(
        programme.balance(member),
        ["11.00", "0.00", "0.00", "90.00"],
        "10.00 was there, the rest is debt"
    );
    programme.buy(member, "1500.00");
    programme.now += TimeDelta::days(3);
    night(&mut programme);
    assert_eq!(programme.balance(member), ["0.00", "71.00", "0.00", "0.00"]);
    sound(&mut programme);
}

#[test]
fn a_forgotten_authorisation_is_given_up_and_a_lot_past_its_date_lives_on() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":0,"life_months":1"#);
    let member = programme.member();
    programme.buy(member, "1000.00");
    programme.now = crate::engine_support::at("2026-12-08T09:00:00Z");
    night(&mut programme);
    let mut sale = programme.sale(member, "150.00");
    sale.redeem = money("75.00");
    sale.capture = false;
    programme.post(&sale).unwrap();
    programme.now += TimeDelta::days(6);
    assert_eq!(night(&mut programme), [0, 0, 1, 0], "what was not held expired");
    programme.now += TimeDelta::days(1);
    assert_eq!(night(&mut programme), [0, 0, 0, 1]);
    assert_eq!(programme.balance(member), ["0.00", "75.00", "0.00", "0.00"]);
    let books = programme.books.clone();
    let balance =
        cashback_engine::balances::balance(&mut programme.connection, &books, member, programme.now).unwrap();
    assert_eq!(balance.expiring[0].on, "2027-01-14".parse().unwrap(), "thirty days more");
    sound(&mut programme);
}

#[test]
fn who_left_earns_and_spends_no_more_but_gets_what_was_pending() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":1"#);
    let member = programme.member();
    programme.buy(member, "100.00");
    enrolments::leave(&mut programme.connection, member, "2026-1", "test", programme.now).unwrap();
    assert!(!enrolments::state(&mut programme.connection, member).unwrap().unwrap().enrolled);
    assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("0.00"));
    programme.now += TimeDelta::days(2);
    night(&mut programme);
    assert_eq!(programme.balance(member), ["0.00", "10.00", "0.00", "0.00"]);
    let mut sale = programme.sale(member, "100.00");
    sale.redeem = money("10.00");
    assert_eq!(programme.post(&sale).unwrap_err(), cashback_engine::posting::Refusal::RedeemNotEnrolled);
    enrolments::enrol(&mut programme.connection, member, "2026-2", "test", programme.now).unwrap();
    programme.post(&sale).unwrap();
    sound(&mut programme);
}

#[test]
fn a_member_reads_operations_and_finance_opens_every_figure() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":0"#);
    programme.rule(r#""earn":{"fixed":"5.00"},"stacking":"additive","when":{"least_amount":"500.00"}"#);
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    sale.occurred_at -= TimeDelta::days(2);
    sale.presented = Presented::BareNumber;
    programme.post(&sale).unwrap();
    programme.now += TimeDelta::seconds(1);
    let mut sale = programme.sale(member, "200.00");
    sale.redeem = money("80.00");
    let spent = programme.post(&sale).unwrap().purchase;
    programme.now += TimeDelta::seconds(1);
    programme.refund_amount(spent.id, "100.00", "1");
    let books = programme.books.clone();
    let page = |connection: &mut PgConnection, after, limit| {
        operations(connection, &books, member, after, Limit::new(limit).unwrap()).unwrap()
    };
    let all = page(&mut programme.connection, None, 50);
    let told: Vec<(OperationKind, String)> =
        all.items.iter().map(|operation| (operation.kind, operation.amount.to_string())).collect();
    assert_eq!(
        told,
        [
            (OperationKind::Refund, "34.00".to_owned()),
            (OperationKind::Redemption, "-80.00".to_owned()),
            (OperationKind::Purchase, "12.00".to_owned()),
            (OperationKind::Purchase, "105.00".to_owned()),
        ]
    );
    let mut after = None;
    let mut one_by_one = Vec::new();
    loop {
        let next = page(&mut programme.connection, after, 1);
        one_by_one.extend(next.items);
        after = next.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(one_by_one, all.items, "pages of one give the same");
    let zone = books.current(&mut programme.connection).unwrap().zone;
    let why = explanation::explanation(&mut programme.connection, &books, spent.id).unwrap().unwrap();
    let names = std::collections::HashMap::new();
    let told = |language| -> Vec<String> {
        let reader = Reader { language, zone, names: &names };
        sentences(&why, reader).iter().map(|line| line.replace('\u{a0}', " ")).collect()
    };
    let russian = told(Language::Russian);
    assert_eq!(
        russian[0],
        "Покупка на 200,00 ₽: 80,00 ₽ оплачено баллами, 120,00 ₽ деньгами. Кэшбэк: 12,00 ₽."
    );
    assert!(russian.iter().any(|line| line.contains("нужна сумма от")), "{russian:?}");
    let english = told(Language::English);
    assert!(english[1].contains("10% of 120.00 ₽ = 12.00 ₽"), "{english:?}");
    finance(&mut programme, member);
    sound(&mut programme);
}

fn finance(programme: &mut Programme, member: MemberId) {
    let books = programme.books.clone();
    let accounts =
        ledger::read::accounts(&mut programme.connection, None, Limit::new(200).unwrap()).unwrap().items;
    let find = |name: &str| {
        accounts.iter().find(|account| account.account.to_string() == name).unwrap().balance.to_string()
    };
    assert_eq!(find("receivable:shop"), programme.debited("receivable", "shop"));
    assert_eq!(find("member:available"), "60.00");
    for name in ["receivable:shop".to_owned(), "commission:union".to_owned(), format!("available:{member}")] {
        let account: AccountName = name.parse().unwrap();
        let filter = PostingFilter { account: Some(account), ..PostingFilter::default() };
        let mut after = None;
        let mut sum = money("0.00");
        let mut seen = 0;
        loop {
            let limit = Limit::new(2).unwrap();
            let page =
                ledger::read::postings(&mut programme.connection, &books, &filter, after, limit).unwrap();
            for posting in &page.items {
                sum += posting.amount.unwrap();
                seen += 1;
                assert!(posting.receipt.is_some() && !posting.transfers.is_empty());
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, 3, "{name}");
        let expected = if name.starts_with("available") { "60.00".to_owned() } else { find(&name) };
        assert_eq!(sum.to_string(), expected, "{name}");
    }
    let tomorrow = Some("2026-11-11".parse().unwrap());
    let filter = PostingFilter { from: tomorrow, ..PostingFilter::default() };
    let none =
        ledger::read::postings(&mut programme.connection, &books, &filter, None, Limit::DEFAULT).unwrap();
    assert!(none.items.is_empty());
}

/// A programme with something in every table of the ledger, and a closed day.
fn full_programme() -> Programme {
    let mut programme = Programme::new();
    programme.rule(
        r#""earn":{"percent":"10"},"hold_days":0,
           "caps":{"per_member":{"amount":"500.00","period":"month"},"budget":"5000.00"}"#,
    );
    crate::engine_support::partner(&mut programme.connection, "other", "0.01", programme.now);
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
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
    sale.fiscal = Some(cashback_engine::posting::Fiscal::parse(raw).unwrap());
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
    let mode = cashback_engine::reconciliation::RegisterMode::Post;
    crate::engine_registers::load(&mut programme, file.as_bytes(), mode, &cards);
    suspected_and_claimed(&mut programme, member);
    programme
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
    sound(&mut programme);
    for (damage, invariant) in [
        ("UPDATE ledger.balances SET available = available + 1", 2),
        ("UPDATE ledger.balances SET reserved = reserved + 1", 2),
        ("UPDATE ledger.balances SET standing = 'left'", 2),
        ("DELETE FROM ledger.balances", 2),
        ("DELETE FROM ledger.enrolments", 2),
        ("UPDATE ledger.enrolments SET kind = 'left'", 2),
        ("UPDATE ledger.lots SET remaining = remaining - 1 WHERE remaining > 0", 2),
        ("UPDATE ledger.lots SET amount = amount + 1", 2),
        ("UPDATE ledger.lots SET amount = amount + 1, expired = expired + 1", 2),
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
        ("UPDATE ledger.refunds SET posting_id = ledger.new_id(now())", 3),
        ("UPDATE ledger.refunds SET lines = NULL", 3),
        ("UPDATE ledger.spendings SET returned = amount", 3),
        ("UPDATE ledger.spendings SET lot_purchase_id = ledger.new_id(now())", 3),
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
        (
            "UPDATE ledger.finished_jobs SET judged_at = judged_at + interval '3 years' WHERE job = 'expire'",
            6,
        ),
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
    ] {
        let report = damaged(&mut programme, damage, ledger::audit::verify);
        assert!(
            report.findings.iter().any(|finding| finding.invariant == invariant),
            "{damage} must break invariant {invariant}: {report:#?}"
        );
        assert!(report.findings.iter().all(|finding| !finding.rows.is_empty()), "{report:#?}");
    }
    sound(&mut programme);
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

const TABLES: [&str; 32] = [
    "programme",
    "accounts",
    "partners",
    "outlets",
    "rules",
    "rule_versions",
    "enrolments",
    "balances",
    "lots",
    "transfers",
    "postings",
    "purchases",
    "receipts",
    "fiscal_receipts",
    "refunds",
    "spendings",
    "cap_usage",
    "budget_usage",
    "claims",
    "fraud_cases",
    "card_usage",
    "commission_rates",
    "merged",
    "freezes",
    "adjustments",
    "tier_settings",
    "tier_progress",
    "registers",
    "register_rows",
    "closed_days",
    "day_totals",
    "finished_jobs",
];

/// Copies of the tables, to bring them back after damage.
fn snapshot(connection: &mut PgConnection) -> Vec<String> {
    TABLES
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
