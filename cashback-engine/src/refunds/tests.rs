use proptest::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Rate;

use super::residual::{Residual, residual};
use super::*;
use crate::ids::RuleId;
use crate::posting::Source;
use crate::purchases::{Applied, Judgement};
use crate::rules::evaluate::{Fraction, capped, earned};
use crate::rules::{RuleDraft, Terms};

fn terms(fields: &str) -> Terms {
    let json = format!(r#"{{"name":"rule","partner":"shop",{fields}}}"#);
    serde_json::from_str::<RuleDraft>(&json).unwrap().check().unwrap()
}

/// A purchase of lines (kopecks, covered or not), as posting would keep it.
fn bought(lines: &[(i64, bool)], redeemed: i64, terms: &Terms) -> PurchaseRecord {
    let amount = Money::from_kopecks(lines.iter().map(|(kopecks, _)| kopecks).sum());
    let redeemed = Money::from_kopecks(redeemed);
    let paid = amount - redeemed;
    let places: Vec<u16> =
        (0u16..).zip(lines).filter(|(_, (_, covered))| *covered).map(|(at, _)| at).collect();
    let covered = Money::from_kopecks(lines.iter().filter(|(_, covered)| *covered).map(|(k, _)| k).sum());
    let eligible = Fraction::share(paid, covered, amount);
    let earned = earned(terms, eligible).unwrap_or_default();
    let given = capped(&terms.caps, earned, None).min(paid);
    let applied = Applied {
        rule: RuleId(Uuid::nil()),
        version: 1,
        eligible,
        earned_kopecks: earned.kopecks(),
        room_kopecks: None,
        given_kopecks: given.kopecks(),
        covered: Some(places),
        trimmed_by: None,
    };
    let judgement = Judgement { applied: vec![applied], ..Judgement::default() };
    let line = |(number, (kopecks, _)): (usize, &(i64, bool))| Line {
        sku: Some(number.to_string()),
        category: None,
        quantity: None,
        amount: Money::from_kopecks(*kopecks),
    };
    let lines: Vec<Line> = lines.iter().enumerate().map(line).collect();
    let commission_rate: Rate = "0.03".parse().unwrap();
    let commission = crate::posting::decide::commission(paid, commission_rate);
    PurchaseRecord {
        id: PurchaseId(Uuid::nil()),
        member_id: MemberId(Uuid::nil()),
        outlet_id: 1,
        receipt: "1".to_owned(),
        card_id: None,
        source: Source::Api,
        posted_by: Uuid::nil(),
        occurred_at: DateTime::UNIX_EPOCH,
        booked_at: DateTime::UNIX_EPOCH,
        status: PurchaseStatus::Posted,
        captured: true,
        amount,
        redeemed,
        redeemed_left: redeemed,
        commission,
        commission_left: commission,
        cashback: given,
        cashback_left: given,
        refunded: Money::ZERO,
        refunded_by_amount: Money::ZERO,
        commission_rate,
        available_at: None,
        expires_on: None,
        judgement,
        lines: Some(serde_json::to_value(&lines).unwrap()),
        kept: None,
        fiscal: None,
    }
}

/// Refunds and keeps what is left, as `reduce` does.
fn refund(record: &mut PurchaseRecord, what: &Returned, terms: &Terms) -> Result<Residual, Refusal> {
    let after = kept_after(record, what)?;
    let left = residual(record, &after, |_| Some(terms));
    let mut kept = after.kept;
    kept.rules = left.rules.iter().map(|amount| amount.kopecks()).collect();
    record.redeemed_left = left.redeemed;
    record.commission_left = left.commission;
    record.cashback_left = left.rules.iter().copied().sum();
    record.refunded = record.amount - left.left;
    record.refunded_by_amount = after.by_amount;
    record.kept = Some(serde_json::to_value(&kept).unwrap());
    Ok(left)
}

fn of_line(record: &PurchaseRecord, at: usize, kopecks: i64) -> Returned {
    let line = record.lines().unwrap()[at].clone();
    Returned::Lines(vec![Line { amount: Money::from_kopecks(kopecks), ..line }])
}

#[test]
fn the_example_of_money_md() {
    let ten = terms(r#""earn":{"percent":"10"}"#);
    let mut record = bought(&[(60_000, true), (40_000, false)], 30_000, &ten);
    assert_eq!((record.cashback.kopecks(), record.commission.kopecks()), (4_200, 2_100));
    let back = of_line(&record, 0, 60_000);
    let left = refund(&mut record, &back, &ten).unwrap();
    assert_eq!(left.rules, [Money::ZERO]);
    assert_eq!((left.commission.kopecks(), left.redeemed.kopecks()), (840, 12_000));
}

#[test]
fn eligible_is_shared_between_amounts_and_lines() {
    let ten = terms(r#""earn":{"percent":"10"}"#);
    for (at, kopecks, left) in [(1, 40_000, 2_000), (0, 60_000, 0)] {
        let mut record = bought(&[(60_000, true), (40_000, false)], 0, &ten);
        let first = refund(&mut record, &Returned::Amount(Money::from_kopecks(40_000)), &ten).unwrap();
        assert_eq!(first.rules[0].kopecks(), 3_600, "360.00 eligible");
        let back = of_line(&record, at, kopecks);
        assert_eq!(refund(&mut record, &back, &ten).unwrap().rules[0].kopecks(), left);
    }
}

#[test]
fn lines_that_are_not_there_or_not_left_are_refused() {
    let ten = terms(r#""earn":{"percent":"10"}"#);
    let mut record = bought(&[(60_000, true), (40_000, false)], 0, &ten);
    let back = of_line(&record, 1, 40_000);
    refund(&mut record, &back, &ten).unwrap();
    assert_eq!(refund(&mut record, &back, &ten), Err(Refusal::RefundLineUnknown { line: 0 }));
    let rest = Returned::Amount(Money::from_kopecks(60_001));
    assert_eq!(
        refund(&mut record, &rest, &ten),
        Err(Refusal::RefundTooMuch { left: Money::from_kopecks(60_000) })
    );
}

/// A line as tills write it, with or without article and category.
fn said(sku: Option<&str>, category: Option<&str>, kopecks: i64) -> Line {
    Line {
        sku: sku.map(str::to_owned),
        category: category.map(str::to_owned),
        quantity: None,
        amount: Money::from_kopecks(kopecks),
    }
}

#[test]
fn a_returned_line_is_its_own_before_it_is_any_of_its_sku() {
    let ten = terms(r#""earn":{"percent":"10"}"#);
    let (food, books) = (Some("food"), Some("books"));
    let of = |lines: &[Line]| {
        let kopecks: Vec<(i64, bool)> = lines.iter().map(|line| (line.amount.kopecks(), true)).collect();
        PurchaseRecord { lines: Some(serde_json::to_value(lines).unwrap()), ..bought(&kopecks, 0, &ten) }
    };
    let left = |record: &PurchaseRecord, returned: Vec<Line>| {
        kept_after(record, &Returned::Lines(returned)).map(|after| after.kept.lines)
    };
    let plain = of(&[said(None, food, 600), said(None, None, 400)]);
    assert_eq!(left(&plain, vec![said(None, None, 400)]), Ok(vec![600, 0]));
    assert_eq!(left(&plain, vec![said(None, None, 500)]), Ok(vec![500, 0]), "beyond it, of the others");
    assert_eq!(left(&plain, vec![said(None, food, 600)]), Ok(vec![0, 400]));
    assert_eq!(left(&plain, vec![said(None, food, 601)]), Err(Refusal::RefundLineUnknown { line: 0 }));
    let sku = Some("a");
    let two = of(&[said(sku, food, 600), said(sku, books, 400), said(Some("b"), None, 100)]);
    let any_then_food = vec![said(sku, None, 400), said(sku, food, 600)];
    assert_eq!(left(&two, any_then_food), Ok(vec![0, 0, 100]), "whoever names a category comes first");
    assert_eq!(left(&two, vec![said(sku, None, 700)]), Ok(vec![0, 300, 100]));
    let none = vec![said(Some("b"), None, 100), said(None, None, 1)];
    assert_eq!(left(&two, none), Err(Refusal::RefundLineUnknown { line: 1 }), "another sku is another line");
}

fn any_terms() -> impl Strategy<Value = Terms> {
    prop::sample::select(vec![
        r#""earn":{"percent":"5"}"#,
        r#""earn":{"percent":"33.333333"},"caps":{"per_purchase":"20.00"}"#,
        r#""earn":{"per":"10.00","amount":"1.00"}"#,
        r#""earn":{"fixed":"7.77"},"when":{"least_amount":"5.00"}"#,
        r#""earn":{"ladder":[{"from":"0.00","percent":"1"},{"from":"50.00","percent":"3"}]}"#,
    ])
    .prop_map(terms)
}

proptest! {
    #[test]
    fn what_remains_falls_and_ends_at_nothing(
        terms in any_terms(),
        lines in prop::collection::vec((1i64..30_000, any::<bool>()), 1..5),
        share in 0i64..100,
        steps in prop::collection::vec((any::<bool>(), 0usize..5, 1i64..20_000), 0..12),
    ) {
        let amount: i64 = lines.iter().map(|(kopecks, _)| kopecks).sum();
        let mut record = bought(&lines, amount * share / 100, &terms);
        for (by_amount, at, kopecks) in steps {
            let before = record.clone();
            let what = if by_amount {
                Returned::Amount(Money::from_kopecks(kopecks))
            } else {
                of_line(&record, at % lines.len(), kopecks)
            };
            if refund(&mut record, &what, &terms).is_err() {
                prop_assert_eq!(record.refunded, before.refunded);
                continue;
            }
            prop_assert!(record.cashback_left <= before.cashback_left && !record.cashback_left.is_negative());
            prop_assert!(record.commission_left <= before.commission_left);
            prop_assert!(record.redeemed_left <= before.redeemed_left);
            let left = record.amount - record.refunded;
            prop_assert!(record.redeemed_left <= left);
            prop_assert!(record.cashback_left <= left - record.redeemed_left);
        }
        let rest = record.amount - record.refunded;
        if rest.is_positive() {
            refund(&mut record, &Returned::Amount(rest), &terms).unwrap();
        }
        let zero = Money::ZERO;
        prop_assert_eq!((record.cashback_left, record.commission_left, record.redeemed_left), (zero, zero, zero));
    }

    #[test]
    fn small_refunds_leave_what_one_of_their_sum_leaves(
        terms in any_terms(),
        lines in prop::collection::vec((1i64..30_000, any::<bool>()), 1..5),
        parts in prop::collection::vec(1i64..5_000, 1..8),
    ) {
        let (mut many, mut one) = (bought(&lines, 0, &terms), bought(&lines, 0, &terms));
        let sum: i64 = parts.iter().sum();
        prop_assume!(sum <= many.amount.kopecks());
        for part in parts {
            refund(&mut many, &Returned::Amount(Money::from_kopecks(part)), &terms).unwrap();
        }
        refund(&mut one, &Returned::Amount(Money::from_kopecks(sum)), &terms).unwrap();
        prop_assert_eq!(
            (many.cashback_left, many.commission_left, many.redeemed_left),
            (one.cashback_left, one.commission_left, one.redeemed_left)
        );
    }
}
