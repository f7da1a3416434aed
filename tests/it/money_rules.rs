//! Sentences of the money rules that no other story tells: whose days count, in which order and by which date caps are
//! used, which fiscal receipts are taken, and which of two rules wins.

use cashback_engine::posting::{Fiscal, Presented, Refusal, Sale};
use cashback_engine::purchases::CashbackReason;
use cashback_engine::rules::evaluate::WhyNot;
use cashback_engine::{EngineError, PurchaseId, explanation, programme, purchases, two_step};
use diesel::prelude::*;
use shared_kernel::ids::MemberId;

use crate::engine_support::{Programme, at, money, partner};

/// What a purchase of 100.00 at a moment brings.
fn brings(programme: &mut Programme, member: MemberId, moment: &str) -> String {
    let mut sale = programme.sale(member, "100.00");
    (sale.occurred_at, sale.presented) = (at(moment), Presented::BareNumber);
    programme.post(&sale).unwrap().purchase.cashback.given.to_string()
}

#[test]
fn days_are_the_programmes_whatever_zone_it_was_installed_with() {
    let rule = r#""earn":{"percent":"10"},"caps":{"per_member":{"amount":"10.00","period":"day"}}"#;
    let mut moscow = Programme::new();
    let mut vladivostok = Programme::new();
    let set = |programme: &mut Programme, zone: &str| programme::set_zone(&mut programme.connection, zone);
    assert!(matches!(set(&mut vladivostok, "Moscow"), Err(EngineError::Invalid(_))));
    assert_eq!(set(&mut vladivostok, "Asia/Vladivostok").unwrap().zone, "Asia/Vladivostok");
    for (programme, expected) in [
        (&mut moscow, ["2026-11-24T21:00:00+00:00", "2027-11-10", "0.00"]),
        (&mut vladivostok, ["2026-11-25T14:00:00+00:00", "2027-11-11", "10.00"]),
    ] {
        programme.rule(rule);
        let member = programme.member();
        programme.now = at("2026-11-10T15:00:00Z");
        let cashback = programme.buy(member, "100.00").purchase.cashback;
        assert_eq!(cashback.available_at.unwrap().to_rfc3339(), expected[0]);
        assert_eq!(cashback.expires_on.unwrap().to_string(), expected[1]);
        let same_day_in_moscow = brings(programme, member, "2026-11-10T13:00:00Z");
        assert_eq!(same_day_in_moscow, expected[2], "a day's cap");
        programme.sound();
        assert!(matches!(set(programme, "Europe/Moscow"), Err(EngineError::State(_))), "something is booked");
    }
}

#[test]
fn caps_are_used_by_the_local_date_of_what_happened_in_the_order_of_posting() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"caps":{"per_member":{"amount":"15.00","period":"month"}}"#);
    let member = programme.member();
    // It is November in Moscow from 21:00 on, and October is told later.
    assert_eq!(brings(&mut programme, member, "2026-10-31T21:00:00Z"), "10.00");
    assert_eq!(brings(&mut programme, member, "2026-10-31T20:59:59Z"), "10.00");
    assert_eq!(brings(&mut programme, member, "2026-11-05T12:00:00Z"), "5.00", "posted later, trimmed");
    assert_eq!(brings(&mut programme, member, "2026-11-01T12:00:00Z"), "0.00", "though it happened before");
    assert_eq!(brings(&mut programme, member, "2026-10-31T12:00:00Z"), "5.00");
    programme.sound();
}

#[test]
fn room_given_back_raises_no_earlier_purchase() {
    for cap in [r#""per_member":{"amount":"15.00","period":"month"}"#, r#""budget":"15.00""#] {
        let mut programme = Programme::new();
        programme.rule(&format!(r#""earn":{{"percent":"10"}},"caps":{{{cap}}}"#));
        let member = programme.member();
        let first = programme.buy(member, "100.00").purchase.id;
        let trimmed = programme.buy(member, "100.00").purchase;
        assert_eq!(trimmed.cashback.given, money("5.00"));
        assert_eq!(trimmed.cashback.reason, Some(CashbackReason::CapReached), "and it says so");
        programme.refund_amount(first, "100.00", "1");
        let books = programme.books.clone();
        let now = purchases::purchase(&mut programme.connection, &books, trimmed.id, None).unwrap().unwrap();
        assert_eq!(now.cashback, trimmed.cashback, "the earlier one stays");
        assert_eq!(
            programme.buy(member, "200.00").purchase.cashback.given,
            money("10.00"),
            "the next has it"
        );
        programme.sound();
    }
}

fn fiscal(number: u32) -> Option<Fiscal> {
    let raw = format!("t=20261110T1200&s=100.00&fn=9287440300634471&i={number}&fp=1&n=1");
    Some(Fiscal::parse(&raw).unwrap())
}

/// A purchase of 100.00 with a fiscal receipt, at once or in two steps.
fn with_fiscal(programme: &mut Programme, member: MemberId, number: u32, capture: bool) -> Sale {
    let mut sale = programme.sale(member, "100.00");
    (sale.fiscal, sale.capture) = (fiscal(number), capture);
    sale
}

fn capture(programme: &mut Programme, id: PurchaseId) -> Option<Refusal> {
    let (books, now) = (programme.books.clone(), programme.now);
    programme
        .connection
        .transaction(|connection| two_step::capture(connection, &books, (id, None), None, now))
        .unwrap()
        .err()
}

#[test]
fn a_fiscal_receipt_is_one_posted_purchases_over_all_partners() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"}"#);
    let member = programme.member();
    let other = partner(&mut programme.connection, "other", "0.01", programme.now);
    let elsewhere = |mut sale: Sale| {
        (sale.partner, sale.outlet) = (other, "other-1".to_owned());
        sale
    };
    let sale = with_fiscal(&mut programme, member, 1, true);
    programme.post(&sale).unwrap();
    let same = elsewhere(with_fiscal(&mut programme, member, 1, true));
    assert_eq!(programme.post(&same).unwrap_err(), Refusal::FiscalUsed, "another partner's");
    // What is only authorised has none yet: whoever is posted first has it.
    let sale = with_fiscal(&mut programme, member, 2, false);
    let authorized = programme.post(&sale).unwrap().purchase.id;
    let posted = elsewhere(with_fiscal(&mut programme, member, 2, true));
    programme.post(&posted).unwrap();
    assert_eq!(capture(&mut programme, authorized), Some(Refusal::FiscalUsed));
    // Nor has what was given up.
    let sale = with_fiscal(&mut programme, member, 3, false);
    let voided = programme.post(&sale).unwrap().purchase.id;
    let (books, now) = (programme.books.clone(), programme.now);
    two_step::void(&mut programme.connection, &books, (voided, None), now).unwrap().unwrap();
    let sale = with_fiscal(&mut programme, member, 3, false);
    let captured = programme.post(&sale).unwrap().purchase.id;
    assert_eq!(capture(&mut programme, captured), None);
    let late = elsewhere(with_fiscal(&mut programme, member, 3, true));
    assert_eq!(programme.post(&late).unwrap_err(), Refusal::FiscalUsed);
    programme.sound();
}

#[test]
fn of_rules_that_compete_the_best_for_the_member_after_caps_wins() {
    let mut programme = Programme::new();
    let rich = programme.rule(r#""earn":{"percent":"10"},"priority":9,"caps":{"per_purchase":"1.00"}"#);
    let plain = programme.rule(r#""earn":{"percent":"3"}"#);
    let member = programme.member();
    let bought = programme.buy(member, "100.00").purchase;
    let won: Vec<_> = bought.cashback.rules.iter().map(|rule| (rule.id, rule.given)).collect();
    assert_eq!(won, [(plain, money("3.00"))]);
    let books = programme.books.clone();
    let why = explanation::explanation(&mut programme.connection, &books, bought.id).unwrap().unwrap();
    let lost: Vec<_> =
        why.rules.iter().filter_map(|rule| Some((rule.id, rule.outcome.as_ref().err()?.why))).collect();
    assert_eq!(lost, [(rich, WhyNot::BetterRule)]);
    let small = programme.buy(member, "10.00").purchase;
    assert_eq!(small.cashback.rules[0].id, rich, "1.00 of either 0.30 or 1.00");
    programme.sound();
}
