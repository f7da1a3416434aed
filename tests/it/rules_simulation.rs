//! Simulation over a real ledger: what it says is what posting does.

use std::collections::VecDeque;

use cashback_engine::posting::{Audience, Line};
use cashback_engine::programme::{self, Changes};
use cashback_engine::purchases::Purchase;
use cashback_engine::refunds::Returned;
use cashback_engine::rules::evaluate::Limit;
use cashback_engine::rules::simulate::{Question, Report, simulate};
use cashback_engine::{EngineError, RuleId, two_step};
use chrono::TimeDelta;
use diesel::pg::PgConnection;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use crate::engine_support::{Programme, at, line, money};

fn question(fields: serde_json::Value) -> Question {
    let mut whole = json!({ "from": "2026-11-01", "to": "2026-11-30" });
    whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn draft(fields: serde_json::Value) -> serde_json::Value {
    let mut whole = json!({ "name": "draft", "partner": "shop" });
    whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    whole
}

fn run(programme: &mut Programme, question: &Question) -> Result<Report, EngineError> {
    let books = programme.books.clone();
    let mut nobody = |_: &mut PgConnection, asked: &[(MemberId, chrono::DateTime<chrono::Utc>)]| {
        Ok::<_, EngineError>(vec![Audience::default(); asked.len()])
    };
    let mut seen = Vec::new();
    let report = simulate(&mut programme.connection, &books, question, &mut nobody, &mut |_, done, of| {
        seen.push((done, of));
        Ok(())
    })?;
    assert!(seen.iter().all(|(done, of)| done <= of) && seen.last().is_some_and(|(done, of)| done == of));
    Ok(report)
}

/// A purchase of the histories below: member, kopecks, minutes later, whether it has lines, which way.
type Step = (usize, i64, i64, bool, Way);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// In one step.
    Bought,
    /// In two steps; captured later, or never.
    Authorized,
    /// In one step, after what has been authorised for longest was captured, for all or for half.
    After { half: bool },
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::Bought),
        Just(Way::Authorized),
        Just(Way::After { half: false }),
        Just(Way::After { half: true }),
    ]
}

/// Captures a purchase; what is left of its cashback, where it wasn't too late.
fn capture(programme: &mut Programme, of: &Purchase, half: bool) -> Option<Money> {
    let part = Money::from_kopecks((of.amount.kopecks() / 2).max(1));
    let part = half.then_some(Returned::Amount(part));
    programme.capture(of.id, part.as_ref()).ok().map(|purchase| purchase.cashback.left)
}

/// Buys through a history; what all of it brought.
fn live(programme: &mut Programme, steps: &[Step]) -> Money {
    let members: Vec<MemberId> = (0..3).map(|_| programme.member()).collect();
    let mut sum = Money::ZERO;
    let mut authorized = VecDeque::new();
    for (member, kopecks, minutes, lines, way) in steps {
        programme.now += TimeDelta::minutes(*minutes);
        if let Way::After { half } = way
            && let Some(oldest) = authorized.pop_front()
        {
            sum += capture(programme, &oldest, *half).unwrap_or_default();
        }
        let amount = Money::from_kopecks(*kopecks);
        let mut sale = programme.sale(members[*member], &amount.to_string());
        if *lines {
            let half = Money::from_kopecks(kopecks / 2);
            let mut of = vec![line("a", "books", &(amount - half).to_string())];
            of.extend(half.is_positive().then(|| line("b", "toys", &half.to_string())));
            sale.lines = Some(of);
        }
        sale.capture = *way != Way::Authorized;
        let posted = programme.post(&sale).unwrap().purchase;
        match way {
            Way::Authorized => authorized.push_back(posted),
            Way::Bought | Way::After { .. } => sum += posted.cashback.given,
        }
    }
    sum
}

const STANDING: &str = r#""earn":{"ladder":[{"from":"0.00","percent":"1"},{"from":"100.00","percent":"4"}]},"caps":{"per_member":{"amount":"12.00","period":"day"}}"#;
const OTHER: &str = r#""earn":{"per":"30.00","amount":"1.00"},"stacking":"additive","caps":{"budget":"20.00"},"when":{"categories":["books"]}"#;
const DRAFTED: &str = r#""earn":{"percent":"6.5"},"caps":{"per_purchase":"9.00","per_member":{"amount":"25.00","period":"month"},"budget":"60.00"},"when":{"least_amount":"20.00","days":["tue","wed","fri"]}"#;

#[test]
fn before_is_what_was_posted_and_after_is_what_would_be_posted() {
    let config = Config { cases: 10, failure_persistence: None, ..Config::default() };
    let step = (0usize..3, 1i64..60_000, 1i64..600, any::<bool>(), way());
    let mut runner = TestRunner::new(config);
    runner
        .run(&prop::collection::vec(step, 1..25), |steps| {
            let mut without = Programme::new();
            without.rule(STANDING);
            without.rule(OTHER);
            let posted = live(&mut without, &steps);
            let added: serde_json::Value = serde_json::from_str(&format!("{{{DRAFTED}}}")).unwrap();
            let asked = question(json!({ "drafts": [draft(added)] }));
            let report = run(&mut without, &asked).unwrap();
            prop_assert_eq!(report.cost.before, posted);
            prop_assert_eq!(report.cost.posted, posted);
            let mut with = Programme::new();
            with.rule(STANDING);
            with.rule(OTHER);
            with.rule(DRAFTED);
            let would = live(&mut with, &steps);
            prop_assert_eq!(report.cost.after, would);
            let bins: u64 = report.distribution.per_purchase.iter().map(|bin| bin.after).sum();
            prop_assert_eq!(bins, report.purchases.total);
            let series: Money = report.series.iter().map(|stretch| stretch.after).sum();
            let rules: Money = report.rules.iter().map(|rule| rule.after).sum();
            let funders: Money = report.funders.iter().map(|funder| funder.after).sum();
            prop_assert_eq!([series, rules, funders], [would; 3]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn room_is_taken_when_a_purchase_is_captured() {
    for cap in [r#""per_member":{"amount":"10.00","period":"month"}"#, r#""budget":"10.00""#] {
        let mut programme = Programme::new();
        programme.rule(&format!(r#""earn":{{"percent":"10"}},"caps":{{{cap}}}"#));
        let member = programme.member();
        let mut sale = programme.sale(member, "100.00");
        sale.capture = false;
        let first = programme.post(&sale).unwrap().purchase;
        programme.now += TimeDelta::days(1);
        assert_eq!(programme.buy(member, "100.00").purchase.cashback.given, money("10.00"));
        programme.now += TimeDelta::days(1);
        assert_eq!(capture(&mut programme, &first, false), Some(Money::ZERO));
        let rule = draft(json!({ "earn": { "percent": "1" }, "stacking": "additive" }));
        let report = run(&mut programme, &question(json!({ "drafts": [rule] }))).unwrap();
        assert_eq!((report.cost.before, report.cost.posted), (money("10.00"), money("10.00")));
        let stretches: Vec<_> =
            report.series.iter().map(|stretch| (stretch.purchases, stretch.before, stretch.after)).collect();
        let of = |before, after| (1, money(before), money(after));
        assert_eq!(stretches, [of("0.00", "1.00"), of("10.00", "11.00")], "{cap}");
    }
}

#[test]
fn what_had_no_room_when_it_was_authorised_finds_none_later() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"caps":{"budget":"10.00"}"#);
    let (member, other) = (programme.member(), programme.member());
    let bought = programme.buy(member, "100.00").purchase.id;
    programme.now += TimeDelta::seconds(1);
    let mut sale = programme.sale(other, "100.00");
    sale.capture = false;
    let authorized = programme.post(&sale).unwrap().purchase;
    programme.now += TimeDelta::seconds(1);
    programme.refund_amount(bought, "100.00", "1");
    programme.now += TimeDelta::seconds(1);
    assert_eq!(capture(&mut programme, &authorized, false), Some(Money::ZERO));
    let rule = draft(json!({ "earn": { "percent": "1" } }));
    let report = run(&mut programme, &question(json!({ "drafts": [rule] }))).unwrap();
    assert_eq!((report.cost.before, report.cost.posted), (money("0.00"), money("0.00")));
    assert_eq!(report.cost.after, money("1.00"), "the draft's was announced, and there was room");
}

#[test]
fn room_that_a_refund_gives_back_counts_from_the_refund_on() {
    for cap in [r#""per_member":{"amount":"15.00","period":"month"}"#, r#""budget":"15.00""#] {
        let mut programme = Programme::new();
        programme.rule(&format!(r#""earn":{{"percent":"10"}},"caps":{{{cap}}}"#));
        let member = programme.member();
        let mut sale = programme.sale(member, "100.00");
        sale.capture = false;
        let authorized = programme.post(&sale).unwrap().purchase.id;
        let (books, partner, now) = (programme.books.clone(), Some(programme.partner), programme.now);
        let part = Returned::Amount(money("80.00"));
        let connection = &mut programme.connection;
        two_step::capture(connection, &books, (authorized, partner), Some(&part), now).unwrap().unwrap();
        let mut ids = vec![authorized];
        for amount in ["50.00", "100.00"] {
            programme.now += TimeDelta::seconds(1);
            ids.push(programme.buy(member, amount).purchase.id);
        }
        programme.now += TimeDelta::seconds(1);
        programme.refund_amount(ids[1], "25.00", "1");
        programme.refund_amount(ids[0], "40.00", "1");
        let rule = draft(json!({ "earn": { "percent": "1" }, "stacking": "additive" }));
        let asked = question(json!({ "drafts": [rule] }));
        let report = run(&mut programme, &asked).unwrap();
        // 4.00 of 8.00, 2.50 of 5.00, and of 10.00 the 2.00 that there was room for.
        assert_eq!((report.cost.before, report.cost.posted), (money("8.50"), money("8.50")));
        programme.now += TimeDelta::seconds(1);
        programme.buy(member, "100.00");
        let report = run(&mut programme, &asked).unwrap();
        assert_eq!((report.cost.before, report.cost.posted), (money("15.00"), money("15.00")));
    }
}

#[test]
fn refunds_count_back_on_both_sides() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"}"#);
    let member = programme.member();
    let mut sale = programme.sale(member, "1000.00");
    sale.lines = Some(vec![line("a", "books", "600.00"), line("b", "toys", "400.00")]);
    let id = programme.post(&sale).unwrap().purchase.id;
    programme.refund_amount(id, "400.00", "1");
    let rule = draft(json!({ "earn": { "percent": "20" }, "when": { "categories": ["books"] } }));
    let report = run(&mut programme, &question(json!({ "drafts": [rule] }))).unwrap();
    assert_eq!((report.cost.before, report.cost.posted), (money("60.00"), money("60.00")));
    assert_eq!(report.cost.after, money("72.00"), "20 % of 600.00 × 600 ÷ 1000");
    assert_eq!((report.purchases.affected, report.members.affected), (1, 1));
}

#[test]
fn refunds_come_back_in_the_order_they_were_posted() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"}"#);
    let member = programme.member();
    let mut sale = programme.sale(member, "100.00");
    sale.lines = Some(vec![line("a", "books", "60.00"), line("a", "toys", "40.00")]);
    let id = programme.post(&sale).unwrap().purchase.id;
    let of_any_category = Line { category: None, ..line("a", "", "20.00") };
    programme.now += TimeDelta::seconds(2);
    programme.refund(id, Returned::Lines(vec![line("a", "books", "50.00")]), "1").unwrap();
    // Its transaction began earlier, and so its identifier is the smaller one. Posted first, it would have taken 20.00 of
    // the books, of which 40.00 could then have come back and not 50.00.
    programme.now -= TimeDelta::seconds(1);
    programme.refund(id, Returned::Lines(vec![of_any_category]), "2").unwrap();
    let rule = draft(json!({ "earn": { "percent": "30" }, "when": { "categories": ["toys"] } }));
    let report = run(&mut programme, &question(json!({ "drafts": [rule] }))).unwrap();
    assert_eq!((report.cost.before, report.cost.posted), (money("3.00"), money("3.00")));
    assert_eq!(report.cost.after, money("9.00"), "30 % of the 30.00 that are left of toys");
}

#[test]
fn caps_bite_where_and_when_posting_would_feel_them() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"5"},"caps":{"budget":"1000.00"}"#);
    let (first, second) = (programme.member(), programme.member());
    for day in 0..4 {
        programme.now = at("2026-11-10T09:00:00Z") + TimeDelta::days(day);
        programme.buy(first, "100.00");
        programme.buy(second, "100.00");
    }
    let replaced = json!({ "id": rule, "rule": draft(json!({
        "earn": { "percent": "10" },
        "caps": { "per_member": { "amount": "25.00", "period": "month" }, "budget": "45.00" },
        "when": { "from": "2027-01-01" },
    })) });
    let report = run(&mut programme, &question(json!({ "replace": [replaced] }))).unwrap();
    assert!(report.dates_left_out);
    assert_eq!((report.cost.before, report.cost.after), (money("40.00"), money("45.00")));
    assert_eq!(report.cost.difference, money("5.00"));
    let bites: Vec<(Limit, u64, Money, String)> = report
        .limits
        .iter()
        .map(|l| (l.limit, l.purchases, l.trimmed, l.first_at.date_naive().to_string()))
        .collect();
    assert_eq!(
        bites,
        [
            (Limit::Budget, 2, money("20.00"), "2026-11-12".to_owned()),
            (Limit::PerMember, 2, money("15.00"), "2026-11-12".to_owned()),
        ]
    );
    assert_eq!(report.rules.len(), 1, "one rule, before and after");
    assert_eq!((report.rules[0].id, report.rules[0].draft), (Some(rule), None));
    assert_eq!((report.rules[0].purchases_before, report.rules[0].purchases_after), (8, 5));
    assert_eq!(report.series.len(), 4);
    let ended = run(&mut programme, &question(json!({ "end": [rule] }))).unwrap();
    assert_eq!((ended.cost.before, ended.cost.after), (money("40.00"), money("0.00")));
    // Its dates kept, the version of next year touches nothing and the rule is gone.
    let kept = json!({ "keep_dates": true, "drafts": [draft(json!({ "earn": { "percent": "50" }, "when": { "from": "2027-01-01" } }))] });
    assert_eq!(run(&mut programme, &question(kept)).unwrap().cost.after, money("40.00"));
}

#[test]
fn excluded_categories_are_those_of_each_purchase() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"}"#);
    let member = programme.member();
    for more in [None, Some("toys"), None] {
        let categories = ["tobacco", "nicotine"].into_iter().chain(more).map(str::to_owned).collect();
        let changes = Changes { excluded_categories: Some(categories), ..Changes::default() };
        programme::change(&mut programme.connection, &changes, programme.now).unwrap();
        let mut sale = programme.sale(member, "100.00");
        sale.lines = Some(vec![line("a", "books", "60.00"), line("b", "toys", "40.00")]);
        programme.post(&sale).unwrap();
        programme.now += TimeDelta::days(1);
    }
    let rule = draft(json!({ "earn": { "percent": "20" } }));
    let report = run(&mut programme, &question(json!({ "drafts": [rule] }))).unwrap();
    assert_eq!((report.cost.before, report.cost.posted), (money("26.00"), money("26.00")));
    assert_eq!(report.cost.after, money("52.00"));
}

#[test]
fn what_was_used_of_caps_before_the_period_counts() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"caps":{"per_member":{"amount":"30.00","period":"month"},"budget":"50.00"}"#);
    let member = programme.member();
    for (day, amount) in [("02", "100.00"), ("05", "150.00"), ("12", "100.00"), ("14", "100.00")] {
        programme.now = at(&format!("2026-11-{day}T09:00:00Z"));
        programme.buy(member, amount);
    }
    let mut asked = question(json!({ "partner": "shop" }));
    asked.from = "2026-11-10".to_owned();
    let report = run(&mut programme, &asked).unwrap();
    assert_eq!(report.purchases.total, 2);
    assert_eq!((report.cost.before, report.cost.posted), (money("5.00"), money("5.00")));
    assert_eq!(report.cost.after, report.cost.before, "nothing changes without changes");
    assert_eq!(report.purchases.affected, 0);
}

#[test]
fn wrong_questions_name_their_fields() {
    let mut programme = Programme::new();
    let rule = programme.rule(r#""earn":{"percent":"5"}"#);
    let fine = draft(json!({ "earn": { "percent": "5" } }));
    let unknown: RuleId = serde_json::from_value(json!("0190b5b0-0000-7000-8000-000000000000")).unwrap();
    for (fields, pointer) in [
        (json!({ "from": "2026-02-30" }), "/from"),
        (json!({ "to": "2026-10-31" }), "/to"),
        (json!({ "from": "0001-01-01" }), "/from"),
        (json!({ "partner": "nobody" }), "/partner"),
        (json!({ "drafts": [fine.clone(), draft(json!({ "earn": {} }))] }), "/drafts/1/earn"),
        (json!({ "replace": [{ "id": unknown, "rule": fine.clone() }] }), "/replace/0/id"),
        (
            json!({ "replace": [{ "id": rule, "rule": draft(json!({ "earn": { "percent": "0" } })) }] }),
            "/replace/0/rule/earn/percent",
        ),
        (json!({ "end": [unknown] }), "/end/0"),
        (json!({ "end": [rule, rule] }), "/end/1"),
    ] {
        let mut whole = json!({ "from": "2026-11-01", "to": "2026-11-30" });
        whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let asked: Question = serde_json::from_value(whole).unwrap();
        match run(&mut programme, &asked) {
            Err(EngineError::Invalid(wrong)) => {
                let found: Vec<&str> = wrong.iter().map(|wrong| wrong.pointer.as_str()).collect();
                assert_eq!(found, [pointer], "{fields}");
            }
            other => panic!("{fields}: {other:?}"),
        }
    }
}
