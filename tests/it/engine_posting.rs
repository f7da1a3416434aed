//! The engine's stories over a real database: money.md's sentences and examples, one by one.

use cashback_engine::posting::{self, CardStanding, Presented, ReceiptKey, Refusal, Source};
use cashback_engine::purchases::{CashbackReason, CashbackStatus, PurchaseStatus, purchase_by_receipt};
use cashback_engine::refunds::Returned;
use cashback_engine::two_step;
use chrono::TimeDelta;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;

use crate::engine_support::{Programme, at, line, money};

const FIVE_PERCENT: &str = r#""earn":{"percent":"5"}"#;
const AT_ONCE: &str = r#""earn":{"percent":"10"},"hold_days":0"#;

/// Gives a member points that can be spent: bought two days ago without hold, released since.
fn points(programme: &mut Programme, member: MemberId, amount: &str) {
    let mut sale = programme.sale(member, amount);
    sale.occurred_at = programme.now - TimeDelta::days(2);
    sale.presented = Presented::BareNumber;
    programme.post(&sale).unwrap();
}

#[test]
fn a_purchase_gives_pending_cashback_with_its_dates() {
    let mut programme = Programme::new();
    programme.rule(FIVE_PERCENT);
    let member = programme.member();
    let posted = programme.buy(member, "1050.00");
    let purchase = posted.purchase;
    assert!(!posted.replayed);
    assert_eq!(purchase.status, PurchaseStatus::Posted);
    assert_eq!(purchase.cashback.given, money("52.50"));
    assert_eq!(purchase.cashback.status, CashbackStatus::Pending);
    assert_eq!(purchase.cashback.available_at, Some(at("2026-11-24T21:00:00Z")));
    assert_eq!(purchase.cashback.expires_on, Some("2027-11-10".parse().unwrap()));
    assert_eq!(purchase.cashback.rules.len(), 1);
    assert_eq!(purchase.commission, money("31.50"));
    assert_eq!(programme.balance(member), ["52.50", "0.00", "0.00", "0.00"]);
    assert_eq!(programme.debited("receivable", "shop"), "84.00");
    assert_eq!(programme.debited("commission", "union"), "-31.50");
}

#[test]
fn the_example_of_money_md_line_by_line() {
    let mut programme = Programme::new();
    let member = programme.member();
    programme.rule(AT_ONCE);
    points(&mut programme, member, "3000.00");
    let before = programme.debited("receivable", "shop");
    assert_eq!(
        before, "390.00",
        "300.00 cashback and 90.00 commission of the purchase that brought the points"
    );
    programme.rule(
        r#""earn":{"percent":"10"},"priority":1,"when":{"categories":["covered"]},
           "funding":[{"by":"partner","share":"0.5"},{"by":"R-059","share":"0.5"}]"#,
    );
    // The rule of everything would win: end it.
    let mut sale = programme.sale(member, "1000.00");
    sale.lines = Some(vec![line("A", "covered", "600.00"), line("B", "other", "400.00")]);
    sale.redeem = money("300.00");
    let first_rule = programme.books.current(&mut programme.connection).unwrap();
    let everything = first_rule
        .in_force(programme.partner, programme.now)
        .find(|version| version.terms.when.categories.is_empty())
        .unwrap()
        .rule;
    cashback_engine::rules::store::end(
        &mut programme.connection,
        everything,
        shared_kernel::ids::Uuid::new_v4(),
        programme.now - TimeDelta::hours(1),
    )
    .unwrap();
    let purchase = programme.post(&sale).unwrap().purchase;
    assert_eq!(purchase.cashback.given, money("42.00"));
    assert_eq!(purchase.commission, money("21.00"));
    assert_eq!(programme.debited("receivable", "shop"), "132.00", "390.00 and −258.00");
    assert_eq!(programme.debited("funding", "R-059"), "21.00");
    assert_eq!(programme.balance(member), ["42.00", "0.00", "0.00", "0.00"]);
    let refunded = programme
        .refund(purchase.id, Returned::Lines(vec![line("A", "covered", "600.00")]), "back")
        .unwrap()
        .purchase;
    assert_eq!(refunded.status, PurchaseStatus::PartlyRefunded);
    assert_eq!(refunded.cashback.left, money("0.00"));
    assert_eq!(refunded.commission_left, money("8.40"), "12.60 undone");
    assert_eq!(refunded.redeemed_left, money("120.00"), "180.00 undone");
    assert_eq!(programme.debited("receivable", "shop"), "278.40", "390.00 and −111.60");
    assert_eq!(programme.balance(member), ["0.00", "180.00", "0.00", "0.00"]);
}

#[test]
fn small_refunds_take_back_what_one_full_refund_does() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"per":"10.00","amount":"1.00"}"#);
    let member = programme.member();
    let purchase = programme.buy(member, "21.90").purchase;
    assert_eq!(purchase.cashback.given, money("2.00"));
    let mut left = Vec::new();
    for (number, amount) in ["5.00", "5.00", "5.00", "6.90"].into_iter().enumerate() {
        left.push(programme.refund_amount(purchase.id, amount, &number.to_string()).purchase.cashback.left);
    }
    assert_eq!(left, ["1.00", "1.00", "0.00", "0.00"].map(money));
    assert_eq!(programme.balance(member), ["0.00"; 4].map(str::to_owned));
    assert_eq!(programme.debited("receivable", "shop"), "0.00");
}

#[test]
fn refunds_by_amount_and_lines_mix() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"when":{"categories":["covered"]}"#);
    let member = programme.member();
    for (then, left) in [("B", "20.00"), ("A", "0.00")] {
        let mut sale = programme.sale(member, "1000.00");
        sale.lines = Some(vec![line("A", "covered", "600.00"), line("B", "other", "400.00")]);
        let id = programme.post(&sale).unwrap().purchase.id;
        assert_eq!(programme.refund_amount(id, "400.00", "1").purchase.cashback.left, money("36.00"));
        let amount = if then == "A" { "600.00" } else { "400.00" };
        let lines = Returned::Lines(vec![line(then, if then == "A" { "covered" } else { "other" }, amount)]);
        assert_eq!(programme.refund(id, lines, "2").unwrap().purchase.cashback.left, money(left));
    }
}

#[test]
fn the_same_again_is_answered_again_and_other_content_is_a_conflict() {
    let mut programme = Programme::new();
    programme.rule(FIVE_PERCENT);
    let member = programme.member();
    let sale = programme.sale(member, "100.00");
    let first = programme.post(&sale).unwrap();
    programme.refund_amount(first.purchase.id, "100.00", "1");
    programme.now += TimeDelta::days(60);
    let again = programme.post(&sale).unwrap();
    assert!(again.replayed);
    assert_eq!(again.purchase.id, first.purchase.id);
    assert_eq!(again.purchase.cashback.given, money("5.00"));
    assert_eq!(again.purchase.status, PurchaseStatus::Refunded);
    let mut other = sale.clone();
    other.amount = money("100.01");
    assert_eq!(programme.post(&other).unwrap_err(), Refusal::ReceiptConflict { purchase: first.purchase.id });
    let mut blocked = sale.clone();
    blocked.buyer.card_standing = CardStanding::Blocked;
    assert!(programme.post(&blocked).unwrap().replayed, "identity comes before the card");
    let mut row = other.clone();
    row.source = Source::Register;
    row.amount = sale.amount;
    row.lines = Some(vec![line("x", "y", "100.00")]);
    assert!(programme.post(&row).unwrap().replayed, "in a register row member and amount alone count");
    let key = ReceiptKey { outlet: sale.outlet.clone(), receipt: sale.receipt.clone() };
    let books = programme.books.clone();
    let known = posting::known(&mut programme.connection, &books, std::slice::from_ref(&key)).unwrap();
    assert!(known[&key].is_same(&sale) && !known[&key].is_same(&other));
    assert!(
        purchase_by_receipt(&mut programme.connection, &books, &key, Some(programme.partner))
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_batch_takes_each_alone_and_later_ones_see_earlier_ones() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"caps":{"per_member":{"amount":"15.00","period":"month"},"budget":"20.00"}"#);
    let (first, second) = (programme.member(), programme.member());
    let a = programme.sale(first, "100.00");
    let mut conflict = a.clone();
    conflict.amount = money("1.00");
    let mut nowhere = programme.sale(first, "100.00");
    nowhere.outlet = "elsewhere".to_owned();
    let b = programme.sale(first, "100.00");
    let c = programme.sale(second, "100.00");
    let mut broken = programme.sale(second, "100.00");
    broken.lines = Some(vec![line("a", "b", "99.00")]);
    let stranger = programme.sale(MemberId::generate(), "100.00");
    let outcomes =
        programme.post_all(&[a.clone(), a.clone(), conflict, nowhere, b, c, broken.clone(), stranger]);
    let given: Vec<Option<String>> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().ok().map(|posted| posted.purchase.cashback.given.to_string()))
        .collect();
    let text = |t: &str| Some(t.to_owned());
    assert_eq!(
        given,
        [text("10.00"), text("10.00"), None, None, text("5.00"), text("5.00"), None, text("0.00")]
    );
    assert!(outcomes[1].as_ref().unwrap().replayed);
    assert_eq!(outcomes[3].as_ref().unwrap_err(), &Refusal::OutletUnknown);
    assert_eq!(outcomes[4].as_ref().unwrap().purchase.cashback.reason, Some(CashbackReason::CapReached));
    assert_eq!(outcomes[6].as_ref().unwrap_err(), &Refusal::LinesDontAddUp { sum: money("99.00") });
    assert_eq!(outcomes[7].as_ref().unwrap().purchase.cashback.reason, Some(CashbackReason::NotEnrolled));
    // Refused ones left nothing behind: the receipt is free.
    broken.lines = None;
    assert!(!programme.post(&broken).unwrap().replayed);
    // Room given back is there for the next.
    let id = outcomes[0].as_ref().unwrap().purchase.id;
    programme.refund_amount(id, "100.00", "1");
    assert_eq!(programme.buy(second, "100.00").purchase.cashback.given, money("10.00"));
}

#[test]
fn points_are_spent_within_the_partners_bounds_and_with_a_live_code_alone() {
    let mut programme = Programme::new();
    programme.rule(AT_ONCE);
    let member = programme.member();
    points(&mut programme, member, "1000.00");
    let redeem = |programme: &mut Programme, amount: &str, points: &str| {
        let mut sale = programme.sale(member, amount);
        sale.redeem = money(points);
        sale
    };
    let sale = redeem(&mut programme, "100.00", "50.01");
    assert_eq!(programme.post(&sale).unwrap_err(), Refusal::RedeemTooMuch { most: money("50.00") });
    let sale = redeem(&mut programme, "100.00", "9.99");
    assert_eq!(programme.post(&sale).unwrap_err(), Refusal::RedeemTooLittle { least: money("10.00") });
    let sale = redeem(&mut programme, "1000.00", "100.01");
    assert_eq!(
        programme.post(&sale).unwrap_err(),
        Refusal::InsufficientPoints { available: money("100.00") }
    );
    let mut sale = redeem(&mut programme, "100.00", "50.00");
    sale.presented = Presented::BareNumber;
    assert_eq!(programme.post(&sale).unwrap_err(), Refusal::RedeemWithoutLiveCode);
    sale.presented = Presented::LiveCode;
    sale.occurred_at -= TimeDelta::minutes(3);
    assert_eq!(
        programme.post(&sale).unwrap_err(),
        Refusal::RedeemWithoutLiveCode,
        "an old code is a bare number"
    );
    let mut sale = redeem(&mut programme, "100.00", "50.00");
    sale.lines = Some(vec![line("a", "tobacco", "60.00"), line("b", "food", "40.00")]);
    assert_eq!(programme.post(&sale).unwrap_err(), Refusal::RedeemTooMuch { most: money("40.00") });
    sale.redeem = money("40.00");
    let books = programme.books.clone();
    let now = programme.now;
    let quoted = posting::quote(&mut programme.connection, &books, &sale, now).unwrap().unwrap();
    let posted = programme.post(&sale).unwrap();
    assert_eq!(posted.purchase.cashback, quoted.purchase.cashback, "what was quoted is given");
    assert_eq!(posted.purchase.cashback.given, money("2.40"), "60.00 × 40.00 ÷ 100.00 at 10 %");
    assert_eq!(programme.balance(member), ["2.40", "60.00", "0.00", "0.00"]);
    // All of it back: the points return, the cashback goes.
    programme.refund_amount(posted.purchase.id, "100.00", "1");
    assert_eq!(programme.balance(member), ["0.00", "100.00", "0.00", "0.00"]);
}

#[test]
fn what_was_spent_and_is_taken_back_becomes_debt_and_new_cashback_pays_it() {
    let mut programme = Programme::new();
    programme.rule(AT_ONCE);
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    sale.occurred_at -= TimeDelta::days(2);
    let earned = programme.post(&sale).unwrap().purchase;
    assert_eq!(earned.cashback.status, CashbackStatus::Available);
    let mut sale = programme.sale(member, "200.00");
    sale.redeem = money("80.00");
    let spent = programme.post(&sale).unwrap().purchase;
    assert_eq!(programme.balance(member), ["12.00", "20.00", "0.00", "0.00"]);
    programme.refund_amount(earned.id, "1000.00", "1");
    assert_eq!(programme.balance(member), ["12.00", "0.00", "0.00", "80.00"]);
    let mut sale = programme.sale(member, "300.00");
    sale.occurred_at -= TimeDelta::days(2);
    programme.post(&sale).unwrap();
    assert_eq!(programme.balance(member), ["12.00", "0.00", "0.00", "50.00"]);
    programme.refund_amount(spent.id, "200.00", "1");
    assert_eq!(programme.balance(member), ["0.00", "30.00", "0.00", "0.00"]);
}

#[test]
fn two_steps_reserve_then_capture_or_give_up() {
    let mut programme = Programme::new();
    programme.rule(AT_ONCE);
    let member = programme.member();
    points(&mut programme, member, "1000.00");
    let mut sale = programme.sale(member, "200.00");
    sale.capture = false;
    sale.redeem = money("80.00");
    let authorized = programme.post(&sale).unwrap().purchase;
    assert_eq!(authorized.status, PurchaseStatus::Authorized);
    assert_eq!(programme.balance(member), ["0.00", "20.00", "80.00", "0.00"]);
    assert_eq!(
        programme.refund(authorized.id, Returned::Amount(money("1.00")), "1").unwrap_err(),
        Refusal::PurchaseState { status: PurchaseStatus::Authorized }
    );
    let (books, partner, now) = (programme.books.clone(), Some(programme.partner), programme.now);
    let half = Returned::Amount(money("100.00"));
    let captured =
        two_step::capture(&mut programme.connection, &books, (authorized.id, partner), Some(&half), now)
            .unwrap()
            .unwrap();
    assert_eq!(captured.status, PurchaseStatus::PartlyRefunded);
    assert_eq!((captured.cashback.left, captured.commission_left), (money("6.00"), money("1.80")));
    assert_eq!(programme.balance(member), ["6.00", "60.00", "0.00", "0.00"]);
    let again =
        two_step::capture(&mut programme.connection, &books, (authorized.id, partner), Some(&half), now);
    assert_eq!(again.unwrap().unwrap(), captured);
    let mut sale = programme.sale(member, "100.00");
    sale.capture = false;
    sale.redeem = money("50.00");
    let second = programme.post(&sale).unwrap().purchase;
    assert_eq!(programme.balance(member), ["6.00", "10.00", "50.00", "0.00"]);
    for _ in 0..2 {
        let voided =
            two_step::void(&mut programme.connection, &books, (second.id, partner), now).unwrap().unwrap();
        assert_eq!(voided.status, PurchaseStatus::Voided);
        assert_eq!(programme.balance(member), ["6.00", "60.00", "0.00", "0.00"]);
    }
    let refused = two_step::void(&mut programme.connection, &books, (authorized.id, partner), now).unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::PurchaseState { status: PurchaseStatus::PartlyRefunded });
}

#[test]
fn times_have_bounds_by_the_way_a_purchase_comes() {
    let mut programme = Programme::new();
    let member = programme.member();
    let mut probe = |source: Source, time: &str| {
        let mut sale = programme.sale(member, "1.00");
        sale.source = source;
        sale.occurred_at = at(time);
        programme.post(&sale).err()
    };
    assert_eq!(probe(Source::Api, "2026-11-10T09:05:00Z"), None);
    assert_eq!(probe(Source::Api, "2026-11-10T09:05:01Z"), Some(Refusal::OccurredAtFuture));
    assert_eq!(probe(Source::Api, "2026-10-11T09:00:00Z"), None);
    assert_eq!(probe(Source::Api, "2026-10-11T08:59:59Z"), Some(Refusal::OccurredAtTooOld));
    assert_eq!(probe(Source::Register, "2026-08-31T21:00:00Z"), None, "1 September, Moscow");
    assert_eq!(probe(Source::Register, "2026-08-31T20:59:59Z"), Some(Refusal::OccurredAtTooOld));
    assert_eq!(probe(Source::History, "2001-01-01T00:00:00Z"), None);
}

#[test]
fn a_fiscal_receipt_is_used_once_and_its_sum_is_what_was_paid() {
    let mut programme = Programme::new();
    let member = programme.member();
    let fiscal = |sum: &str, number: u32, kind: u32| {
        let raw = format!("t=20261110T1200&s={sum}&fn=9287440300634471&i={number}&fp=3730902192&n={kind}");
        Some(posting::Fiscal::parse(&raw).unwrap())
    };
    let mut sale = programme.sale(member, "100.00");
    sale.fiscal = fiscal("99.00", 1, 1);
    assert_eq!(programme.post(&sale).unwrap_err(), Refusal::FiscalMismatch { expected: money("100.00") });
    sale.fiscal = fiscal("100.00", 1, 2);
    assert_eq!(programme.post(&sale).unwrap_err(), Refusal::FiscalKind);
    sale.fiscal = fiscal("100.00", 1, 1);
    programme.post(&sale).unwrap();
    let mut other = programme.sale(member, "100.00");
    other.fiscal = fiscal("100.00", 1, 1);
    assert_eq!(programme.post(&other).unwrap_err(), Refusal::FiscalUsed);
    let (mut third, mut fourth) = (programme.sale(member, "100.00"), programme.sale(member, "100.00"));
    third.fiscal = fiscal("100.00", 2, 1);
    third.redeem = money("20.00");
    third.fiscal.as_mut().unwrap().sum = money("80.00");
    fourth.fiscal = fiscal("100.00", 2, 1);
    let outcomes = programme.post_all(&[third, fourth]);
    assert!(matches!(outcomes[0], Err(Refusal::InsufficientPoints { .. })));
    assert!(outcomes[1].is_ok(), "the first was refused, so the receipt is free");
}

#[test]
fn refunds_are_known_by_their_reference_and_take_no_more_than_is_left() {
    let mut programme = Programme::new();
    programme.rule(FIVE_PERCENT);
    let member = programme.member();
    let id = programme.buy(member, "100.00").purchase.id;
    assert!(!programme.refund_amount(id, "60.00", "r").replayed);
    assert!(programme.refund_amount(id, "60.00", "r").replayed);
    let refuse = |programme: &mut Programme, amount: &str, reference: &str| {
        programme.refund(id, Returned::Amount(money(amount)), reference).unwrap_err()
    };
    assert_eq!(refuse(&mut programme, "59.00", "r"), Refusal::ReferenceConflict);
    assert_eq!(refuse(&mut programme, "40.01", "s"), Refusal::RefundTooMuch { left: money("40.00") });
    assert_eq!(refuse(&mut programme, "0.00", "s"), Refusal::AmountInvalid);
    assert_eq!(refuse(&mut programme, "1.00", " s"), Refusal::ReferenceInvalid);
    assert_eq!(programme.balance(member), ["2.00", "0.00", "0.00", "0.00"]);
}

#[test]
fn transfers_and_postings_are_only_ever_added_to() {
    let mut programme = Programme::new();
    programme.rule(FIVE_PERCENT);
    let member = programme.member();
    programme.buy(member, "100.00");
    for table in ["transfers", "postings", "transfers_2026_11", "postings_2026_11"] {
        for statement in ["DELETE FROM", "TRUNCATE", "UPDATE"] {
            let tail = if statement == "UPDATE" { " SET member_id = NULL" } else { "" };
            let sql = format!("{statement} ledger.{table}{tail}");
            let refused = diesel::sql_query(&sql).execute(&mut programme.connection);
            assert!(refused.is_err(), "{sql}");
        }
    }
}

#[test]
fn a_line_without_a_category_is_refunded_from_its_own_line() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"when":{"categories":["food"]}"#);
    let member = programme.member();
    let plain = |category: Option<&str>, amount: &str| posting::Line {
        sku: None,
        category: category.map(str::to_owned),
        quantity: None,
        amount: money(amount),
    };
    let mut sale = programme.sale(member, "1000.00");
    sale.lines = Some(vec![plain(Some("food"), "600.00"), plain(None, "400.00")]);
    let id = programme.post(&sale).unwrap().purchase.id;
    let back = programme.refund(id, Returned::Lines(vec![plain(None, "400.00")]), "1").unwrap().purchase;
    assert_eq!(back.lines_left, [money("600.00"), money("0.00")]);
    assert_eq!(back.cashback.left, money("60.00"), "the food is still there");
    let back = programme.refund(id, Returned::Lines(vec![plain(Some("food"), "600.00")]), "2").unwrap();
    assert_eq!(back.purchase.status, PurchaseStatus::Refunded);
    let report = cashback_engine::ledger::audit::verify(&mut programme.connection, &programme.books).unwrap();
    assert!(report.ok, "{report:#?}");
}

#[test]
fn a_live_code_is_told_what_can_be_spent_whether_or_not_the_nightly_job_has_run() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":0,"life_months":1"#);
    let (member, frozen) = (programme.member(), programme.member());
    for member in [member, frozen] {
        points(&mut programme, member, "1000.00");
    }
    cashback_engine::standing::freeze(
        &mut programme.connection,
        frozen,
        "check",
        shared_kernel::ids::Uuid::nil(),
        programme.now,
    )
    .unwrap();
    programme.now = at("2026-12-08T20:59:00Z");
    let available = |programme: &mut Programme, member, presented| {
        let mut sale = programme.sale(member, "1.00");
        sale.presented = presented;
        let (books, now) = (programme.books.clone(), programme.now);
        let quoted = posting::quote(&mut programme.connection, &books, &sale, now).unwrap().unwrap();
        let posted = programme.post(&sale).unwrap().balance.unwrap().available.to_string();
        assert_eq!(posted, quoted.balance.unwrap().available.to_string());
        posted
    };
    assert_eq!(available(&mut programme, member, Presented::LiveCode), "100.00", "until the end of its day");
    programme.now += TimeDelta::minutes(1);
    assert_eq!(available(&mut programme, member, Presented::LiveCode), "0.00");
    assert_eq!(available(&mut programme, frozen, Presented::LiveCode), "100.00", "nothing of theirs expires");
    let (books, now) = (programme.books.clone(), programme.now);
    for _ in 0..2 {
        cashback_engine::jobs::expire(&mut programme.connection, &books, now, now).unwrap();
    }
    assert_eq!(available(&mut programme, member, Presented::LiveCode), "0.00");
    // The next day nothing is known again.
    points(&mut programme, member, "500.00");
    programme.now = at("2027-01-09T21:00:00Z");
    assert_eq!(available(&mut programme, member, Presented::LiveCode), "0.00");
}

#[test]
fn a_fiscal_receipts_keys_come_in_any_order() {
    let mut programme = Programme::new();
    let member = programme.member();
    for raw in [
        "i=13571&fn=9287440300634471&s=100.00&t=20261110T1200&fp=3730902192&n=1",
        "t=20261110T1200&s=100.00&fn=9287440300634471&n=1&fp=3730902192&i=13572",
    ] {
        let mut sale = programme.sale(member, "100.00");
        sale.fiscal = Some(posting::Fiscal::parse(raw).unwrap());
        programme.post(&sale).unwrap();
    }
    let report = cashback_engine::ledger::audit::verify(&mut programme.connection, &programme.books).unwrap();
    assert!(report.ok, "{report:#?}");
}
