//! Refunds once more, one after the other, by the functions that posted them: what each left of a purchase. Pure.

use shared_kernel::money::Money;

use super::residual::{Residual, residual};
use super::{After, Returned, kept_after, leave};
use crate::posting::Refusal;
use crate::purchases::{Applied, PurchaseRecord, PurchaseStatus};
use crate::rules::terms::Terms;

/// The purchase as it was posted, and then what each left of it: first its capture for less, then refunds; the record of
/// the last one.
///
/// # Errors
/// A refund that could not have been posted.
pub(crate) fn replay<'t>(
    record: &PurchaseRecord,
    left_out: Option<After>,
    refunds: &[Returned],
    terms: impl Fn(&Applied) -> Option<&'t Terms>,
) -> Result<(Vec<Residual>, PurchaseRecord), Refusal> {
    let mut at = unreduced(record);
    let mut steps = Vec::with_capacity(refunds.len() + 1);
    let mut reduce = |at: &mut PurchaseRecord, after: After| {
        let left = residual(at, &after, &terms);
        leave(at, after, &left);
        steps.push(left);
    };
    if let Some(after) = left_out {
        reduce(&mut at, after);
    }
    for what in refunds {
        let after = kept_after(&at, what)?;
        reduce(&mut at, after);
    }
    Ok((steps, at))
}

/// What was left of the lines and of what was paid, after something came back.
#[derive(Debug, Clone)]
pub(crate) struct Left {
    pub lines: Vec<i64>,
    pub paid: Money,
}

/// What each of these left, one after the other, whatever rules gave: first what a capture left out, then refunds.
///
/// # Errors
/// One that could not have been posted.
pub(crate) fn lefts(
    record: &PurchaseRecord,
    left_out: Option<After>,
    refunds: &[Returned],
) -> Result<Vec<Left>, Refusal> {
    let mut at = unreduced(record);
    let mut lefts = Vec::with_capacity(refunds.len() + 1);
    let mut reduce = |at: &mut PurchaseRecord, after: After| {
        let left = residual(at, &after, |_| None);
        lefts.push(Left { lines: after.kept.lines.clone(), paid: left.left - left.redeemed });
        leave(at, after, &left);
    };
    if let Some(after) = left_out {
        reduce(&mut at, after);
    }
    for what in refunds {
        let after = kept_after(&at, what)?;
        reduce(&mut at, after);
    }
    Ok(lefts)
}

/// As it was posted.
fn unreduced(record: &PurchaseRecord) -> PurchaseRecord {
    PurchaseRecord {
        status: PurchaseStatus::Posted,
        redeemed_left: record.redeemed,
        commission_left: record.commission,
        cashback_left: record.cashback,
        ..record.whole()
    }
}
