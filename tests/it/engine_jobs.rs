//! Holds, expiry, authorisations given up, and what members and finance read.

use cashback_engine::ledger::{self, AccountName, read::PostingFilter};
use cashback_engine::operations::{OperationKind, operations};
use cashback_engine::posting::{Presented, Source};
use cashback_engine::texts::{Language, Reader, sentences};
use cashback_engine::{enrolments, explanation, jobs, standing, two_step};
use chrono::TimeDelta;
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::paging::Limit;

use crate::engine_support::{Programme, money};

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
    programme.sound();
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

/// 75.00 of a lot of 100.00 whose last day is the 10th of December, reserved on the 8th.
fn reserved_before_the_last_day() -> (Programme, MemberId) {
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
    (programme, member)
}

#[test]
fn a_forgotten_authorisation_is_given_up_and_a_lot_past_its_date_lives_on() {
    let (mut programme, member) = reserved_before_the_last_day();
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
fn what_a_late_purchase_brings_past_its_day_neither_counts_nor_shows_after_that_days_expiry() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":0,"life_months":1"#);
    let member = programme.member();
    programme.buy(member, "100.00");
    programme.now += TimeDelta::days(1);
    assert_eq!(night(&mut programme), [1, 0, 0, 0], "this day's expiry is finished");
    let mut late = programme.sale(member, "1000.00");
    late.occurred_at = crate::engine_support::at("2026-10-05T09:00:00Z");
    (late.source, late.presented) = (Source::Register, Presented::BareNumber);
    let brought = programme.post(&late).unwrap().purchase;
    assert_eq!(brought.cashback.expires_on, Some("2026-11-05".parse().unwrap()));
    let bought = programme.buy(member, "50.00");
    assert_eq!(bought.balance.unwrap().available, money("10.00"), "the till hears of what can be spent");
    assert_eq!(programme.balance(member)[1], "10.00");
    let mut sale = programme.sale(member, "100.00");
    sale.redeem = money("10.01");
    assert!(programme.post(&sale).is_err());
    programme.now += TimeDelta::days(1);
    assert_eq!(night(&mut programme), [1, 0, 1, 0]);
    assert_eq!(programme.balance(member)[1], "15.00");
    sound(&mut programme);
}

#[test]
fn an_authorisation_given_up_as_of_a_later_day_returns_with_thirty_days_from_then() {
    let (mut programme, member) = reserved_before_the_last_day();
    // The lot's last day is the 10th of December.
    let (books, now) = (programme.books.clone(), programme.now);
    let as_of = |programme: &mut Programme, at| -> [i64; 2] {
        let run = |connection: &mut PgConnection| -> QueryResult<[i64; 2]> {
            Ok([
                jobs::void_authorizations(connection, &books, at, now)?,
                jobs::expire(connection, &books, at, now)?,
            ])
        };
        programme.connection.transaction(run).unwrap()
    };
    let later = now + TimeDelta::days(40);
    assert_eq!(as_of(&mut programme, later), [1, 0], "what was held lives on, the rest was over");
    assert_eq!(programme.debited("breakage", "union"), "-25.00");
    assert_eq!(as_of(&mut programme, later + TimeDelta::days(30)), [0, 0]);
    programme.now = later;
    assert_eq!(programme.balance(member), ["0.00", "75.00", "0.00", "0.00"]);
    programme.now = now;
    assert_eq!(as_of(&mut programme, later + TimeDelta::days(31)), [0, 1]);
    assert_eq!(programme.balance(member), ["0.00"; 4].map(str::to_owned));
    sound(&mut programme);
}

#[test]
fn what_returns_after_an_expiry_ahead_of_its_time_is_no_damage() {
    for by_refund in [true, false] {
        let mut programme = Programme::new();
        programme.rule(r#""earn":{"percent":"10"},"hold_days":0,"life_months":1"#);
        let (member, frozen) = (programme.member(), programme.member());
        for member in [member, frozen] {
            programme.buy(member, "1000.00");
        }
        programme.now += TimeDelta::days(1);
        night(&mut programme);
        let mut sale = programme.sale(member, "150.00");
        (sale.redeem, sale.capture) = (money("75.00"), by_refund);
        let id = programme.post(&sale).unwrap().purchase.id;
        let (now, by) = (programme.now, Uuid::nil());
        standing::freeze(&mut programme.connection, frozen, "проверка", by, now).unwrap();
        let (books, ahead) = (programme.books.clone(), now + TimeDelta::days(60));
        while jobs::expire(&mut programme.connection, &books, ahead, now).unwrap() > 0 {}
        sound(&mut programme);
        programme.now += TimeDelta::seconds(1);
        let now = programme.now;
        if by_refund {
            programme.refund_amount(id, "150.00", "back");
        } else {
            let which = (id, Some(programme.partner));
            let given_up =
                programme.connection.transaction(|connection| two_step::void(connection, &books, which, now));
            given_up.unwrap().unwrap();
        }
        let asked = (frozen, "проверено");
        standing::unfreeze(&mut programme.connection, &books, asked, by, now).unwrap();
        assert_eq!(programme.balance(member)[1], "75.00", "its own last day is ahead");
        assert_eq!(programme.balance(frozen)[1], "100.00");
        sound(&mut programme);
    }
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
        "Покупка на 200,00 ₽: 80,00 ₽ оплачено баллами, 120,00 ₽ деньгами. Кешбэк: 12,00 ₽."
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
