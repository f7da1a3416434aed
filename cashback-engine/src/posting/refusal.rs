//! Why a purchase, a refund, a capture or a void was refused: data for the one who asked, with the field it concerns.

use shared_kernel::money::Money;

use crate::ids::PurchaseId;

/// A refusal. Nothing was posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The receipt is known with other content (409).
    #[error("this receipt is already posted with other content")]
    ReceiptConflict {
        /// The purchase it is.
        purchase: PurchaseId,
    },
    /// A refund's reference is known with other content (409).
    #[error("this reference is already used with other content")]
    ReferenceConflict,
    /// No such outlet, or another partner's.
    #[error("the outlet is unknown")]
    OutletUnknown,
    /// 1-64 characters, no blank ends, no control, format or surrogate characters.
    #[error("the receipt must have 1 to 64 visible characters")]
    ReceiptInvalid,
    /// A refund's reference, by the same pattern as a receipt.
    #[error("the reference must have 1 to 64 visible characters")]
    ReferenceInvalid,
    /// Longer ago than this way of posting allows.
    #[error("the purchase is too long ago")]
    OccurredAtTooOld,
    /// More than five minutes ahead.
    #[error("the purchase lies in the future")]
    OccurredAtFuture,
    /// Not above 0.00, or above 10,000,000.00.
    #[error("the amount must be above 0.00 and at most 10000000.00")]
    AmountInvalid,
    /// A line's amount is not above 0.00, its quantity malformed, or there are none or too many lines.
    #[error("line {line} is wrong")]
    LineInvalid {
        /// Its place, from 0.
        line: usize,
        /// The field of the line.
        field: &'static str,
    },
    /// The lines' sum is not the amount.
    #[error("the lines add up to {sum}")]
    LinesDontAddUp {
        /// What they add up to.
        sum: Money,
    },
    /// Points can be spent with a live code alone.
    #[error("points can be spent with a live code alone")]
    RedeemWithoutLiveCode,
    /// More than may be paid with points.
    #[error("at most {most} can be paid with points")]
    RedeemTooMuch {
        /// The most that may.
        most: Money,
    },
    /// Less than the partner's least redemption.
    #[error("at least {least} has to be paid with points")]
    RedeemTooLittle {
        /// The least.
        least: Money,
    },
    /// The member has fewer points.
    #[error("only {available} is available")]
    InsufficientPoints {
        /// What there is.
        available: Money,
    },
    /// More than the family card's own limit leaves (409).
    #[error("the card's limit leaves {left}")]
    CardLimit {
        /// What is left today or this month.
        left: Money,
    },
    /// Not enrolled, left or frozen: earns perhaps, spends nothing.
    #[error("the member can't spend points")]
    RedeemNotEnrolled,
    /// The card was blocked then.
    #[error("the card is blocked")]
    CardBlocked,
    /// The card was expired then.
    #[error("the card is expired")]
    CardExpired,
    /// No such card.
    #[error("the card is unknown")]
    CardUnknown,
    /// The fiscal receipt's sum is not what was paid.
    #[error("the fiscal receipt's sum should be {expected}")]
    FiscalMismatch {
        /// What it should be.
        expected: Money,
    },
    /// Not a sale's (or, for a refund, not a return's) fiscal receipt.
    #[error("the fiscal receipt is of another kind")]
    FiscalKind,
    /// The fiscal receipt belongs to another purchase (409).
    #[error("the fiscal receipt is already used")]
    FiscalUsed,
    /// The claim that is being approved has ended, or is of another sale (409).
    #[error("the claim has ended")]
    ClaimEnded,
    /// The claim's sale is reserved, with points in it: its capture confirms the claim (409).
    #[error("the claim's sale is reserved and waits for its capture")]
    ClaimAuthorized,
    /// No such purchase, or another partner's (404).
    #[error("the purchase is unknown")]
    PurchaseUnknown,
    /// Authorised or voided purchases can't be refunded; posted ones not captured or voided (409).
    #[error("not possible while the purchase is {status}")]
    PurchaseState {
        /// Its status.
        status: crate::purchases::PurchaseStatus,
    },
    /// More than is left of the purchase.
    #[error("only {left} is left to refund")]
    RefundTooMuch {
        /// What is left.
        left: Money,
    },
    /// More is to be captured than was authorised.
    #[error("only {most} was authorised")]
    CaptureTooMuch {
        /// What was authorised.
        most: Money,
    },
    /// A returned line is none of the purchase's, or more than is left of it.
    #[error("line {line} is not in the purchase, or less of it is left")]
    RefundLineUnknown {
        /// Its place in the refund, from 0.
        line: usize,
    },
}

impl Refusal {
    /// JSON pointer to the field it concerns; empty for the whole.
    pub fn pointer(&self) -> String {
        match self {
            Self::ReceiptConflict { .. } | Self::ReceiptInvalid => "/receipt".to_owned(),
            Self::ReferenceConflict | Self::ReferenceInvalid => "/reference".to_owned(),
            Self::OutletUnknown => "/outlet".to_owned(),
            Self::OccurredAtTooOld | Self::OccurredAtFuture => "/occurred_at".to_owned(),
            Self::AmountInvalid | Self::RefundTooMuch { .. } | Self::CaptureTooMuch { .. } => {
                "/amount".to_owned()
            }
            Self::LineInvalid { line, field } => format!("/lines/{line}/{field}"),
            Self::RefundLineUnknown { line } => format!("/lines/{line}"),
            Self::LinesDontAddUp { .. } => "/lines".to_owned(),
            Self::RedeemWithoutLiveCode
            | Self::RedeemTooMuch { .. }
            | Self::RedeemTooLittle { .. }
            | Self::InsufficientPoints { .. }
            | Self::CardLimit { .. }
            | Self::RedeemNotEnrolled => "/redeem".to_owned(),
            Self::FiscalMismatch { .. } | Self::FiscalKind | Self::FiscalUsed => "/fiscal".to_owned(),
            Self::CardBlocked
            | Self::CardExpired
            | Self::CardUnknown
            | Self::ClaimEnded
            | Self::ClaimAuthorized
            | Self::PurchaseUnknown
            | Self::PurchaseState { .. } => String::new(),
        }
    }

    /// A stable word for reports and metrics, such as `outlet_unknown`.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::ReceiptConflict { .. } => "receipt_conflict",
            Self::ReferenceConflict => "reference_conflict",
            Self::OutletUnknown => "outlet_unknown",
            Self::ReceiptInvalid => "receipt_invalid",
            Self::ReferenceInvalid => "reference_invalid",
            Self::OccurredAtTooOld => "occurred_at_too_old",
            Self::OccurredAtFuture => "occurred_at_future",
            Self::AmountInvalid => "amount_invalid",
            Self::LineInvalid { .. } => "line_invalid",
            Self::LinesDontAddUp { .. } => "lines_dont_add_up",
            Self::RedeemWithoutLiveCode => "redeem_without_live_code",
            Self::RedeemTooMuch { .. } => "redeem_too_much",
            Self::RedeemTooLittle { .. } => "redeem_too_little",
            Self::InsufficientPoints { .. } => "insufficient_points",
            Self::CardLimit { .. } => "card_limit",
            Self::RedeemNotEnrolled => "redeem_not_enrolled",
            Self::CardBlocked => "card_blocked",
            Self::CardExpired => "card_expired",
            Self::CardUnknown => "card_unknown",
            Self::FiscalMismatch { .. } => "fiscal_mismatch",
            Self::FiscalKind => "fiscal_kind",
            Self::FiscalUsed => "fiscal_used",
            Self::ClaimEnded => "claim_ended",
            Self::ClaimAuthorized => "claim_authorized",
            Self::PurchaseUnknown => "purchase_unknown",
            Self::PurchaseState { .. } => "purchase_state",
            Self::RefundTooMuch { .. } => "refund_too_much",
            Self::CaptureTooMuch { .. } => "capture_too_much",
            Self::RefundLineUnknown { .. } => "refund_line_unknown",
        }
    }
}
