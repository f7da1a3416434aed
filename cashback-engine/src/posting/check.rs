//! What can be said of a purchase from itself and the book alone, before anything is read or claimed.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shared_kernel::money::{Money, Rate};
use shared_kernel::text::is_format_character;

use super::fiscal::FiscalKind;
use super::refusal::Refusal;
use super::sale::{AMOUNT_MAX_KOPECKS, CardStanding, LINES_MAX, Line, Presented, Sale, Source};
use crate::days::{date_in, first_of_month_before_last, midnight};
use crate::partners::{Outlet, Partner};
use crate::rules::Book;
use crate::rules::evaluate::redeemable;

/// How far ahead of us another clock may be.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// How far back a purchase may lie over the API.
const BACK_MAX: TimeDelta = TimeDelta::days(30);
/// How long a live code counts as one: in an older purchase it is as good as the bare number.
pub const LIVE_MAX: TimeDelta = TimeDelta::minutes(2);

/// A purchase's place, found in the book.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub outlet: Arc<Outlet>,
    pub partner: Arc<Partner>,
}

/// The outlet, and that the receipt can be one: what identity needs.
///
/// # Errors
/// The refusal.
pub(crate) fn place(book: &Book, sale: &Sale) -> Result<Checked, Refusal> {
    let outlet = book.outlet(&sale.outlet).filter(|outlet| outlet.partner_id == sale.partner);
    let (outlet, partner) = outlet.zip(book.partner(sale.partner)).ok_or(Refusal::OutletUnknown)?;
    if !is_receipt(&sale.receipt) {
        return Err(Refusal::ReceiptInvalid);
    }
    Ok(Checked { outlet: outlet.clone(), partner: partner.clone() })
}

/// Everything else that needs no reading.
///
/// # Errors
/// The refusal.
pub(crate) fn content(
    book: &Book,
    sale: &Sale,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if !sale.amount.is_positive() || sale.amount.kopecks() > AMOUNT_MAX_KOPECKS {
        return Err(Refusal::AmountInvalid);
    }
    lines(sale.lines.as_deref(), sale.amount)?;
    within(book, sale.source, sale.occurred_at, now)?;
    card(sale)?;
    redemption(book, sale, &checked.partner, now)?;
    fiscal(sale, &checked.partner)
}

fn lines(lines: Option<&[Line]>, amount: Money) -> Result<(), Refusal> {
    let Some(lines) = lines else { return Ok(()) };
    if lines.is_empty() || lines.len() > LINES_MAX {
        return Err(Refusal::LineInvalid { line: lines.len().min(LINES_MAX), field: "amount" });
    }
    for (place, line) in lines.iter().enumerate() {
        line_is_valid(line).map_err(|field| Refusal::LineInvalid { line: place, field })?;
    }
    let sum: Money = lines.iter().map(|line| line.amount).sum();
    if sum == amount { Ok(()) } else { Err(Refusal::LinesDontAddUp { sum }) }
}

pub(crate) fn line_is_valid(line: &Line) -> Result<(), &'static str> {
    let short = |text: &Option<String>| text.as_ref().is_none_or(|text| is_receipt(text));
    if !line.amount.is_positive() || line.amount.kopecks() > AMOUNT_MAX_KOPECKS {
        return Err("amount");
    }
    if !line.quantity.as_deref().is_none_or(is_quantity) {
        return Err("quantity");
    }
    if !short(&line.sku) {
        return Err("sku");
    }
    if !short(&line.category) {
        return Err("category");
    }
    Ok(())
}

/// Whether something that came in this way may have happened then.
///
/// # Errors
/// The refusal.
pub(crate) fn within(
    book: &Book,
    source: Source,
    occurred_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if occurred_at > now + AHEAD_MAX {
        return Err(Refusal::OccurredAtFuture);
    }
    let oldest = match source {
        // A claim was young enough when it was filed.
        Source::History | Source::Claim => return Ok(()),
        Source::Register => midnight(book.zone, first_of_month_before_last(date_in(book.zone, now))),
        Source::Api | Source::Till | Source::Batch => now - BACK_MAX,
    };
    if occurred_at < oldest { Err(Refusal::OccurredAtTooOld) } else { Ok(()) }
}

fn card(sale: &Sale) -> Result<(), Refusal> {
    match sale.buyer.card_standing {
        CardStanding::Valid => Ok(()),
        CardStanding::Blocked => Err(Refusal::CardBlocked),
        CardStanding::Expired => Err(Refusal::CardExpired),
        CardStanding::Unknown => Err(Refusal::CardUnknown),
    }
}

/// Whether what was shown counts as a live code.
pub(crate) fn counts_as_live(sale: &Sale, now: DateTime<Utc>) -> bool {
    sale.presented == Presented::LiveCode && now - sale.occurred_at <= LIVE_MAX
}

fn redemption(book: &Book, sale: &Sale, partner: &Partner, now: DateTime<Utc>) -> Result<(), Refusal> {
    if sale.redeem.is_zero() {
        return Ok(());
    }
    let by_number = book.bare_number_may_redeem
        && matches!(sale.presented, Presented::BareNumber | Presented::LiveCode)
        && now - sale.occurred_at <= LIVE_MAX;
    if !counts_as_live(sale, now) && !by_number {
        return Err(Refusal::RedeemWithoutLiveCode);
    }
    let share = i128::from(sale.amount.kopecks()) * i128::from(partner.redeem_share.millionths())
        / i128::from(Rate::ONE.millionths());
    let share = Money::from_kopecks(i64::try_from(share).expect("a share of an amount is an amount"));
    let excluded = book.excluded_categories(sale.occurred_at);
    let most = share.min(redeemable(sale.amount, sale.lines.as_deref(), excluded));
    if sale.redeem > most {
        return Err(Refusal::RedeemTooMuch { most });
    }
    if sale.redeem < partner.redeem_least {
        return Err(Refusal::RedeemTooLittle { least: partner.redeem_least });
    }
    Ok(())
}

/// The sum of a sale's fiscal receipt: what was paid, or all of it where the till books points as counter-provision.
pub(crate) fn fiscal_sum(partner: &Partner, sale: &Sale) -> Money {
    if partner.fiscal_counts_points { sale.amount } else { sale.amount - sale.redeem }
}

fn fiscal(sale: &Sale, partner: &Partner) -> Result<(), Refusal> {
    let Some(fiscal) = &sale.fiscal else { return Ok(()) };
    if fiscal.kind != FiscalKind::Sale {
        return Err(Refusal::FiscalKind);
    }
    let expected = fiscal_sum(partner, sale);
    if fiscal.sum == expected { Ok(()) } else { Err(Refusal::FiscalMismatch { expected }) }
}

/// 1-64 characters, no blank ends, no control, format or surrogate characters (Rust text has no surrogates).
pub fn is_receipt(text: &str) -> bool {
    let length = text.chars().count();
    (1..=64).contains(&length)
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || is_format_character(c))
}

/// A plain decimal with at most three places, above nothing.
fn is_quantity(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 9)
        && digits(fraction, 3)
        && (whole == "0" || !whole.starts_with('0'))
        && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_short_visible_text() {
        for fine in ["1", "A-00000001", "чек № 5", "a b", &"я".repeat(64), "12/ÄÖ"] {
            assert!(is_receipt(fine), "{fine:?}");
        }
        for wrong in
            ["", " ", " 1", "1 ", "a\n", "a\u{0}b", "\u{200b}", "a\u{202e}b", &"я".repeat(65), "\u{feff}1"]
        {
            assert!(!is_receipt(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn quantities_have_at_most_three_places() {
        for fine in ["1", "0.5", "12.345", "100.000"] {
            assert!(is_quantity(fine), "{fine}");
        }
        for wrong in ["", "0", "0.000", "1.2345", "-1", "1e3", "01", "1,5", ".5", "1."] {
            assert!(!is_quantity(wrong), "{wrong}");
        }
    }
}
