//! Purchases in two steps, sentence by sentence: capturing equals capturing all and refunding the rest, room is taken at
//! capture and says so, what was held lives on, and after seven days there is nothing to capture.

use cashback_engine::explanation::explanation;
use cashback_engine::operations::operations;
use cashback_engine::posting::{Line, Presented, Refusal, Sale};
use cashback_engine::purchases::{CashbackReason, PurchaseStatus};
use cashback_engine::refunds::Returned;
use cashback_engine::rules::evaluate::WhyNot;
use cashback_engine::{PurchaseId, balances};
use chrono::TimeDelta;
use diesel::prelude::*;
use serde_json::{Value, json};
use shared_kernel::ids::MemberId;
use shared_kernel::paging::Limit;

use crate::engine_support::{Programme, at, money};

const AT_ONCE: &str = r#""earn":{"percent":"10"},"hold_days":0,"life_months":1"#;

fn authorize(programme: &mut Programme, sale: &mut Sale) -> PurchaseId {
    sale.capture = false;
    programme.post(sale).unwrap().purchase.id
}

fn amount(text: &str) -> Returned {
    Returned::Amount(money(text))
}

/// As our own till writes lines: a category at most.
fn plain(category: Option<&str>, amount: &str) -> Line {
    Line { sku: None, category: category.map(str::to_owned), quantity: None, amount: money(amount) }
}

/// What was told, the latest event of a kind.
fn told(programme: &mut Programme, kind: &str) -> Value {
    #[derive(QueryableByName)]
    struct Told {
        #[diesel(sql_type = diesel::sql_types::Jsonb)]
        payload: Value,
    }
    let told: Told =
        diesel::sql_query("SELECT payload FROM platform.outbox WHERE kind = $1 ORDER BY id DESC LIMIT 1")
            .bind::<diesel::sql_types::Text, _>(kind)
            .get_result(&mut programme.connection)
            .unwrap();
    told.payload
}

#[test]
fn lines_are_captured_at_their_places_and_the_same_again_answers_again() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"when":{"categories":["food"]}"#);
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    sale.lines = Some(vec![plain(Some("food"), "600.00"), plain(None, "400.00")]);
    let id = authorize(&mut programme, &mut sale);
    let food = Returned::Lines(vec![plain(Some("food"), "600.00")]);
    let captured = programme.capture(id, Some(&food)).unwrap();
    assert_eq!(captured.cashback.left, money("60.00"), "the food was captured, the rest was not");
    assert_eq!(captured.lines_left, [money("600.00"), money("0.00")]);
    assert_eq!(programme.capture(id, Some(&food)).unwrap(), captured);
    programme.refund_amount(id, "100.00", "1");
    let again = programme.capture(id, Some(&food)).unwrap();
    assert_eq!((again.cashback.given, again.cashback.left), (money("60.00"), money("50.00")), "as of now");
    let half = Returned::Lines(vec![plain(Some("food"), "300.00"), plain(None, "300.00")]);
    for other in [None, Some(&amount("600.00")), Some(&half)] {
        let status = PurchaseStatus::PartlyRefunded;
        assert_eq!(programme.capture(id, other).unwrap_err(), Refusal::PurchaseState { status });
    }
    // All of it, said in three ways, is one content.
    let mut sale = programme.sale(member, "10.00");
    sale.lines = Some(vec![plain(None, "10.00")]);
    let id = authorize(&mut programme, &mut sale);
    let whole = Returned::Lines(vec![plain(None, "10.00")]);
    for what in [None, Some(&amount("10.00")), Some(&whole)] {
        assert_eq!(programme.capture(id, what).unwrap().status, PurchaseStatus::Posted);
    }
    programme.sound();
}

#[test]
fn what_is_told_is_what_was_captured() {
    let mut programme = Programme::new();
    programme.rule(AT_ONCE);
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    (sale.occurred_at, sale.presented) = (programme.now - TimeDelta::days(2), Presented::BareNumber);
    programme.post(&sale).unwrap();
    let mut sale = programme.sale(member, "200.00");
    sale.redeem = money("80.00");
    let id = authorize(&mut programme, &mut sale);
    programme.capture(id, Some(&amount("100.00"))).unwrap();
    let event = told(&mut programme, "purchase.posted");
    for (field, value) in [
        ("amount", "100.00"),
        ("redeemed", "40.00"),
        ("paid", "60.00"),
        ("cashback", "6.00"),
        ("commission", "1.80"),
    ] {
        assert_eq!(event[field], json!(value), "{field}");
    }
    programme.sound();
}

#[test]
fn who_finds_the_cap_or_budget_used_up_at_capture_says_so() {
    for (cap, why) in [
        (r#""per_member":{"amount":"10.00","period":"month"}"#, WhyNot::CapReached),
        (r#""budget":"10.00""#, WhyNot::BudgetSpent),
    ] {
        let mut programme = Programme::new();
        programme.rule(&format!(r#""earn":{{"percent":"10"}},"caps":{{{cap}}}"#));
        let member = programme.member();
        let mut sale = programme.sale(member, "100.00");
        let id = authorize(&mut programme, &mut sale);
        assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("10.00"));
        let captured = programme.capture(id, None).unwrap();
        assert_eq!(captured.cashback.given, money("0.00"));
        assert_eq!(captured.cashback.reason, Some(CashbackReason::CapReached));
        let books = programme.books.clone();
        let told = explanation(&mut programme.connection, &books, id).unwrap().unwrap();
        let told: Vec<_> = told.rules.into_iter().map(|rule| rule.outcome.map_err(|none| none.why)).collect();
        assert_eq!(told, [Err(why)]);
        programme.sound();
    }
}

#[test]
fn what_a_capture_for_less_gives_back_was_held_and_lives_thirty_days_more() {
    let mut programme = Programme::new();
    programme.rule(AT_ONCE);
    let member: MemberId = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    (sale.occurred_at, sale.presented) = (programme.now - TimeDelta::days(2), Presented::BareNumber);
    let bought = programme.post(&sale).unwrap().purchase;
    assert_eq!(bought.cashback.expires_on, Some("2026-12-08".parse().unwrap()));
    programme.now = at("2026-12-05T09:00:00Z");
    let mut sale = programme.sale(member, "150.00");
    sale.redeem = money("75.00");
    let id = authorize(&mut programme, &mut sale);
    programme.now = at("2026-12-10T09:00:00Z");
    programme.capture(id, Some(&amount("75.00"))).unwrap();
    assert_eq!(
        programme.balance(member),
        ["0.00", "41.25", "0.00", "0.00"],
        "with 3.75 of the purchase itself"
    );
    assert_eq!(programme.debited("breakage", "union"), "-25.00", "what was not held is over");
    let books = programme.books.clone();
    let expiring =
        balances::balance(&mut programme.connection, &books, member, programme.now).unwrap().expiring;
    assert!(
        expiring.iter().any(|lot| (lot.amount, lot.on) == (money("37.50"), "2027-01-09".parse().unwrap())),
        "{expiring:?}"
    );
    let connection = &mut programme.connection;
    let listed = operations(connection, &books, member, None, Limit::DEFAULT).unwrap().items;
    let of_it = listed.iter().filter(|one| one.purchase == Some(bought.id));
    let last_days: Vec<_> = of_it.map(|one| one.expires_on.unwrap().to_string()).collect();
    assert!(!last_days.is_empty() && last_days.iter().all(|day| day == "2027-01-09"), "{last_days:?}");
    // What comes back of what was captured was spent, not held: the lot's own date, which is the new one now.
    programme.refund_amount(id, "75.00", "1");
    assert_eq!(programme.balance(member)[1], "75.00");
    programme.sound();
}

#[test]
fn after_seven_days_there_is_nothing_to_capture_whether_or_not_it_was_given_up() {
    let mut programme = Programme::new();
    programme.rule(AT_ONCE);
    let member = programme.member();
    let mut sale = programme.sale(member, "100.00");
    let (in_time, late) = (authorize(&mut programme, &mut sale), {
        let mut sale = programme.sale(member, "100.00");
        authorize(&mut programme, &mut sale)
    });
    programme.now += TimeDelta::days(7) - TimeDelta::seconds(1);
    programme.capture(in_time, None).unwrap();
    programme.now += TimeDelta::seconds(1);
    let status = PurchaseStatus::Voided;
    assert_eq!(programme.capture(late, None).unwrap_err(), Refusal::PurchaseState { status });
    assert!(programme.capture(in_time, None).is_ok(), "asked again it answers again");
    programme.sound();
}
