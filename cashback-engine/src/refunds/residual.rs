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
    let redeemed = record
        .redeemed
        .portion(i128::from(left.kopecks()), i128::from(record.amount.kopecks()))
        .min(record.redeemed_left);
    let paid = left - redeemed;
    let rate = i128::from(record.commission_rate.millionths());
    let commission = paid.portion(rate, i128::from(Rate::ONE.millionths())).min(record.commission_left);
    let mut room = paid;
    let rules = record
        .judgement()
        .applied
        .iter()
        .zip(&after.kept.rules)
        .map(|(applied, before)| {
            let covered = covered(applied, &after.kept.lines, whole);
            let eligible = Fraction::share(paid, covered, whole);
            let anew = terms(applied).map_or(Money::ZERO, |terms| {
                regrant(terms, applied.eligible, eligible, applied.room_kopecks.map(Money::from_kopecks))
            });
            let kept = anew.min(Money::from_kopecks(*before)).min(room);
            room -= kept;
            kept
        })
        .collect();
    Residual { left, redeemed, commission, rules }
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
