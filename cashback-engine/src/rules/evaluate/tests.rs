use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::rules::RuleDraft;

fn terms(fields: &str) -> Terms {
    let json = format!(r#"{{"name":"rule","partner":"shop",{fields}}}"#);
    serde_json::from_str::<RuleDraft>(&json).unwrap().check().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn line(category: &str, amount: &str) -> Line {
    Line { sku: None, category: Some(category.to_owned()), quantity: None, amount: money(amount) }
}

struct Shopping {
    date: &'static str,
    time: &'static str,
    amount: Money,
    paid: Money,
    lines: Option<Vec<Line>>,
    audience: Audience,
    tier: Option<&'static str>,
}

impl Shopping {
    /// A Tuesday's purchase of a member born in 2000 who joined in 2020.
    fn of(amount: &str) -> Self {
        Self {
            date: "2026-11-10",
            time: "2026-11-10T12:30:00",
            amount: money(amount),
            paid: money(amount),
            lines: None,
            audience: Audience {
                organisations: Arc::new(["P-1".to_owned(), "R-059".to_owned(), "C-000".to_owned()]),
                category: Some("worker".to_owned()),
                birth_date: Some("2000-11-10".parse().unwrap()),
                joined_on: Some("2020-05-10".parse().unwrap()),
            },
            tier: None,
        }
    }

    fn judge(&self, fields: &str) -> Result<Money, WhyNot> {
        self.judge_in(fields, Room::default())
    }

    fn judge_in(&self, fields: &str, room: Room) -> Result<Money, WhyNot> {
        let excluded = ["tobacco".to_owned(), "nicotine".to_owned()];
        let occasion = Occasion {
            date: self.date.parse().unwrap(),
            wall_clock: self.time.parse().unwrap(),
            outlet: "shop-1",
            amount: self.amount,
            paid: self.paid,
            lines: self.lines.as_deref(),
            excluded: &excluded,
            audience: &self.audience,
            tier: self.tier,
        };
        judge(&terms(fields), &occasion, room).map(|grant| grant.amount)
    }
}

#[test]
fn the_example_of_money_md() {
    let mut shopping = Shopping::of("1000.00");
    shopping.lines = Some(vec![line("covered", "600.00"), line("other", "400.00")]);
    shopping.paid = money("700.00");
    let rule = r#""earn":{"percent":"10"},"when":{"categories":["covered"]}"#;
    assert_eq!(shopping.judge(rule), Ok(money("42.00")));
}

#[test]
fn each_way_of_earning() {
    let shopping = Shopping::of("21.90");
    assert_eq!(shopping.judge(r#""earn":{"per":"10.00","amount":"1.00"}"#), Ok(money("2.00")));
    assert_eq!(shopping.judge(r#""earn":{"per":"21.90","amount":"1.00"}"#), Ok(money("1.00")));
    assert_eq!(shopping.judge(r#""earn":{"per":"21.91","amount":"1.00"}"#), Err(WhyNot::RoundsToNothing));
    assert_eq!(shopping.judge(r#""earn":{"fixed":"5.00"}"#), Ok(money("5.00")));
    assert_eq!(shopping.judge(r#""earn":{"percent":"2.5"}"#), Ok(money("0.55")), "0.5475 rounds up");
    assert_eq!(
        Shopping::of("0.10").judge(r#""earn":{"percent":"5"}"#),
        Ok(money("0.01")),
        "half away from zero"
    );
    assert_eq!(Shopping::of("0.09").judge(r#""earn":{"percent":"5"}"#), Err(WhyNot::RoundsToNothing));
    let ladder = r#""earn":{"ladder":[{"from":"10.00","percent":"1"},{"from":"5000.00","percent":"3"}]}"#;
    assert_eq!(Shopping::of("9.99").judge(ladder), Err(WhyNot::RoundsToNothing));
    assert_eq!(Shopping::of("4999.99").judge(ladder), Ok(money("50.00")));
    assert_eq!(Shopping::of("5000.00").judge(ladder), Ok(money("150.00")), "the rung holds for the whole");
}

#[test]
fn thresholds_are_compared_as_exact_fractions() {
    let mut shopping = Shopping::of("0.03");
    shopping.lines = Some(vec![line("a", "0.01"), line("b", "0.02")]);
    shopping.paid = money("0.02");
    // Eligible is 2/3 of a kopeck: rounded it would reach one.
    let least = r#""earn":{"fixed":"1.00"},"when":{"categories":["a"],"least_amount":"0.01"}"#;
    assert_eq!(shopping.judge(least), Err(WhyNot::BelowLeastAmount));
}

#[test]
fn every_condition_says_why() {
    let shopping = Shopping::of("100.00");
    let fixed = |when: &str| format!(r#""earn":{{"fixed":"1.00"}},"when":{{{when}}}"#);
    for (when, outcome) in [
        (r#""from":"2026-11-10","until":"2026-11-10""#, Ok(())),
        (r#""from":"2026-11-11""#, Err(WhyNot::OutsideDates)),
        (r#""until":"2026-11-09""#, Err(WhyNot::OutsideDates)),
        (r#""days":["tue"]"#, Ok(())),
        (r#""days":["mon","wed"]"#, Err(WhyNot::OtherDay)),
        (r#""hours":["12:30","12:31"]"#, Ok(())),
        (r#""hours":["12:00","12:30"]"#, Err(WhyNot::OtherHours)),
        (r#""hours":["22:00","12:31"]"#, Ok(())),
        (r#""hours":["22:00","06:00"]"#, Err(WhyNot::OtherHours)),
        (r#""outlets":["shop-1"]"#, Ok(())),
        (r#""outlets":["shop-2"]"#, Err(WhyNot::OtherOutlet)),
        (r#""least_amount":"100.00""#, Ok(())),
        (r#""least_amount":"100.01""#, Err(WhyNot::BelowLeastAmount)),
        (r#""members":{"organisation":"R-059"}"#, Ok(())),
        (r#""members":{"organisation":"R-060"}"#, Err(WhyNot::OtherOrganisation)),
        (r#""members":{"categories":["worker"]}"#, Ok(())),
        (r#""members":{"categories":["student"]}"#, Err(WhyNot::OtherCategory)),
        (r#""members":{"age":[14,26]}"#, Ok(())),
        (r#""members":{"age":[14,25]}"#, Err(WhyNot::OtherAge)),
        (r#""members":{"member_for_months":78}"#, Ok(())),
        (r#""members":{"member_for_months":79}"#, Err(WhyNot::ShortMembership)),
        (r#""members":{"tier":"gold"}"#, Err(WhyNot::OtherTier)),
    ] {
        assert_eq!(shopping.judge(&fixed(when)).map(|_| ()), outcome, "{when}");
    }
    let mut golden = Shopping::of("100.00");
    golden.tier = Some("gold");
    assert!(golden.judge(&fixed(r#""members":{"tier":"gold"}"#)).is_ok());
    golden.audience = Audience::default();
    assert_eq!(
        golden.judge(&fixed(r#""members":{"age":[0,150]}"#)),
        Err(WhyNot::OtherAge),
        "unknown is not within"
    );
}

#[test]
fn excluded_categories_are_covered_by_no_rule_and_paid_by_no_points() {
    let mut shopping = Shopping::of("100.00");
    let lines = vec![line("tobacco", "60.00"), line("food", "40.00")];
    let excluded = ["tobacco".to_owned()];
    assert_eq!(redeemable(money("100.00"), Some(&lines), &excluded), money("40.00"));
    shopping.lines = Some(lines);
    assert_eq!(shopping.judge(r#""earn":{"percent":"10"}"#), Ok(money("4.00")));
    let named = r#""earn":{"percent":"10"},"when":{"categories":["tobacco"]}"#;
    assert_eq!(shopping.judge(named), Err(WhyNot::NothingEligible));
    let but = r#""earn":{"percent":"10"},"when":{"except_categories":["food"]}"#;
    assert_eq!(shopping.judge(but), Err(WhyNot::NothingEligible));
    shopping.lines = None;
    assert_eq!(shopping.judge(named), Ok(money("10.00")), "without lines the whole amount counts");
}

#[test]
fn caps_trim_to_what_is_left() {
    let rule = r#""earn":{"percent":"10"},"caps":{"per_purchase":"8.00"}"#;
    let shopping = Shopping::of("100.00");
    assert_eq!(shopping.judge(rule), Ok(money("8.00")));
    let room = |member: &str, budget: &str| Room { member: Some(money(member)), budget: Some(money(budget)) };
    assert_eq!(shopping.judge_in(rule, room("7.00", "100.00")), Ok(money("7.00")));
    assert_eq!(shopping.judge_in(rule, room("7.00", "6.00")), Ok(money("6.00")));
    assert_eq!(shopping.judge_in(rule, room("7.00", "0.00")), Err(WhyNot::BudgetSpent));
    assert_eq!(
        shopping.judge_in(rule, room("0.00", "0.00")),
        Err(WhyNot::CapReached),
        "the member's own first"
    );
}

#[test]
fn a_trimmed_grant_names_the_narrowest_limit() {
    let caps = terms(r#""earn":{"percent":"10"},"caps":{"per_purchase":"8.00"}"#).caps;
    let room = Room { member: Some(money("7.00")), budget: Some(money("6.00")) };
    let trimmed = |earned: &str, room, given: &str| trimmed_by(&caps, money(earned), room, money(given));
    assert_eq!(trimmed("8.00", Room::default(), "8.00"), None, "reached, nothing lost");
    assert_eq!(trimmed("10.00", Room::default(), "8.00"), Some(Limit::PerPurchase));
    assert_eq!(trimmed("10.00", Room { budget: None, ..room }, "7.00"), Some(Limit::PerMember));
    assert_eq!(trimmed("10.00", room, "6.00"), Some(Limit::Budget));
    assert_eq!(trimmed("10.00", room, "5.00"), Some(Limit::Paid));
}

fn candidate(stacking: Stacking, priority: i32, age: i64, amount: &str) -> Candidate {
    Candidate { stacking, priority, age, amount: money(amount) }
}

#[test]
fn exclusive_rules_compete_and_additive_ones_add_up() {
    use Stacking::{Additive, Exclusive};
    let outcome = combine(
        &[
            candidate(Exclusive, 0, 1, "5.00"),
            candidate(Exclusive, 9, 2, "4.00"),
            candidate(Additive, 0, 3, "1.00"),
            candidate(Additive, 5, 4, "2.00"),
        ],
        money("100.00"),
    );
    assert_eq!(outcome, [Ok(money("5.00")), Err(WhyNot::BetterRule), Ok(money("1.00")), Ok(money("2.00"))]);
    let ties = [
        candidate(Exclusive, 1, 3, "5.00"),
        candidate(Exclusive, 2, 2, "5.00"),
        candidate(Exclusive, 2, 1, "5.00"),
    ];
    let won: Vec<bool> = combine(&ties, money("100.00")).iter().map(Result::is_ok).collect();
    assert_eq!(won, [false, false, true], "the higher priority, then the older");
    let all = [
        candidate(Additive, 1, 1, "6.00"),
        candidate(Exclusive, 0, 2, "5.00"),
        candidate(Additive, 2, 3, "4.00"),
    ];
    let trimmed = combine(&all, money("9.00"));
    assert_eq!(trimmed, [Err(WhyNot::PaidReached), Ok(money("5.00")), Ok(money("4.00"))]);
}

#[test]
fn a_fixed_amount_shrinks_with_what_is_left() {
    let rule = terms(r#""earn":{"fixed":"10.00"}"#);
    let fraction = |text: &str| Fraction::share(money(text), money("1.00"), money("1.00"));
    assert_eq!(regrant(&rule, fraction("300.00"), fraction("100.00"), None), money("3.33"));
    assert_eq!(regrant(&rule, fraction("300.00"), fraction("0.00"), None), money("0.00"));
    let largest = Fraction { numerator: 999_999_999_999_999_999, denominator: 999_999_999 };
    assert_eq!(
        regrant(&terms(r#""earn":{"fixed":"10000000.00"}"#), largest, largest, None),
        money("10000000.00")
    );
}

proptest! {
    #[test]
    fn together_never_more_than_paid_and_the_best_is_never_beaten(
        parts in prop::collection::vec((any::<bool>(), -3i32..3, 1i64..10_000), 0..8),
        paid in 0i64..20_000,
    ) {
        let candidates: Vec<Candidate> = (0i64..)
            .zip(&parts)
            .map(|(age, (additive, priority, amount))| Candidate {
                stacking: if *additive { Stacking::Additive } else { Stacking::Exclusive },
                priority: *priority,
                age,
                amount: Money::from_kopecks(*amount),
            })
            .collect();
        let paid = Money::from_kopecks(paid);
        let outcome = combine(&candidates, paid);
        let sum: Money = outcome.iter().filter_map(|o| o.ok()).sum();
        let offered: Money = candidates.iter().filter(|c| c.stacking == Stacking::Additive).map(|c| c.amount).sum();
        let best = candidates.iter().filter(|c| c.stacking == Stacking::Exclusive).map(|c| c.amount).max();
        prop_assert_eq!(sum, (offered + best.unwrap_or_default()).min(paid));
        let exclusive = candidates.iter().zip(&outcome).filter(|(c, o)| c.stacking == Stacking::Exclusive && o.is_ok());
        prop_assert!(exclusive.count() <= 1);
    }

    #[test]
    fn a_percentage_is_the_exact_fraction_rounded_once(
        paid in 0i64..1_000_000_000, part in 0i64..1_000_000_000, rest in 0i64..1_000_000_000, millionths in 1i64..100_000_000,
    ) {
        let whole = part + rest;
        let eligible =
            Fraction::share(Money::from_kopecks(paid), Money::from_kopecks(part), Money::from_kopecks(whole));
        let rounded = i128::from(eligible.percent(Rate::from_millionths(millionths)).kopecks());
        if whole > 0 {
            let exact = i128::from(paid) * i128::from(part) * i128::from(millionths);
            let unit = i128::from(whole) * 100_000_000;
            let twice_off = 2 * (exact - rounded * unit);
            prop_assert!(-unit <= twice_off && twice_off < unit, "a half goes up, anything less to the nearest");
        } else {
            prop_assert_eq!(rounded, 0);
        }
    }
}
