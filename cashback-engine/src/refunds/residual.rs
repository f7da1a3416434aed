//! What refunds leave of a purchase (money.md, "Refund"): computed anew from what is left, so that many small
//! refunds take back exactly what one full refund does. Pure.

use shared_kernel::money::{Money, Rate};

use super::After;
use crate::purchases::{Applied, PurchaseRecord};
use crate::rules::evaluate::{Fraction, regrant};
use crate::rules::terms::Terms;

/// What is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residual {
    /// Of the amount.
    pub left: Money,
    /// Of the redemption.
    pub redeemed: Money,
    /// Of the commission.
    pub commission: Money,
    /// Of each applied rule's cashback, in order.
    pub rules: Vec<Money>,
}

/// `left = S − F; redeemed left = round(redeemed × left ÷ amount); eligible left = paid left × Σ covered l ÷ S`; each
/// rule that applied is judged on that, never above what it was before, together never above what was paid.
pub(crate) fn residual<'t>(
    record: &PurchaseRecord,
    after: &After,
    terms: impl Fn(&Applied) -> Option<&'t Terms>,
) -> Residual {
    let whole = Money::from_kopecks(after.kept.lines.iter().sum());
    let left = whole - after.by_amount;
    let redeemed = record.redeemed_of(left).min(record.redeemed_left);
    let paid = left - redeemed;
    let rate = i128::from(record.commission_rate.millionths());
    let commission = paid.portion(rate, i128::from(Rate::ONE.millionths())).min(record.commission_left);
    let judgement = &record.judgement;
    let given = judgement.applied.iter().zip(after.kept.rules.iter().copied());
    let rules = rules_left(given, &after.kept.lines, paid, terms);
    Residual { left, redeemed, commission, rules }
}

/// What each rule that applied gives for what is left of the lines and of what was paid: never above what it gave
/// before (beside it), together never above what was paid.
pub(crate) fn rules_left<'a, 't>(
    given: impl Iterator<Item = (&'a Applied, i64)>,
    lines: &[i64],
    paid: Money,
    terms: impl Fn(&Applied) -> Option<&'t Terms>,
) -> Vec<Money> {
    let whole = Money::from_kopecks(lines.iter().sum());
    let mut room = paid;
    given
        .map(|(applied, before)| {
            let covered = covered(applied, lines, whole);
            let eligible = Fraction::share(paid, covered, whole);
            let anew = terms(applied).map_or(Money::ZERO, |terms| {
                regrant(terms, applied.eligible, eligible, applied.room_kopecks.map(Money::from_kopecks))
            });
            let kept = anew.min(Money::from_kopecks(before)).min(room);
            room -= kept;
            kept
        })
        .collect()
}

/// What is left of the lines a rule covered; all of it without lines.
fn covered(applied: &Applied, lines: &[i64], whole: Money) -> Money {
    match &applied.covered {
        None => whole,
        Some(places) => {
            let sum = places.iter().filter_map(|place| lines.get(usize::from(*place))).sum();
            Money::from_kopecks(sum)
        }
    }
}
