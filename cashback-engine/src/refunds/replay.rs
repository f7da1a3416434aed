//! Refunds once more, one after the other, by the functions that posted them: what each left of a purchase. Pure.

use shared_kernel::money::Money;

use super::residual::{Residual, residual};
use super::{Returned, kept_after, leave};
use crate::posting::Refusal;
use crate::purchases::{Applied, PurchaseRecord, PurchaseStatus};
use crate::rules::terms::Terms;

/// The purchase as it was posted, and then what each refund left of it; the record of the last one.
///
/// # Errors
/// A refund that could not have been posted.
pub(crate) fn replay<'t>(
    record: &PurchaseRecord,
    refunds: &[Returned],
    terms: impl Fn(&Applied) -> Option<&'t Terms>,
) -> Result<(Vec<Residual>, PurchaseRecord), Refusal> {
    let mut at = PurchaseRecord {
        status: PurchaseStatus::Posted,
        redeemed_left: record.redeemed,
        commission_left: record.commission,
        cashback_left: record.cashback,
        refunded: Money::ZERO,
        refunded_by_amount: Money::ZERO,
        kept: None,
        ..record.clone()
    };
    let mut steps = Vec::with_capacity(refunds.len());
    for what in refunds {
        let after = kept_after(&at, what)?;
        let left = residual(&at, &after, &terms);
        leave(&mut at, after, &left);
        steps.push(left);
    }
    Ok((steps, at))
}
