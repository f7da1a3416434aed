//! What a till, a program or a register says of a purchase: values already read and typed, not yet judged.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::text_enum;

use super::fiscal::Fiscal;
use crate::ids::PartnerId;

/// The most a purchase may come to, and the most lines it may have.
pub const AMOUNT_MAX_KOPECKS: i64 = 1_000_000_000;
/// See [`AMOUNT_MAX_KOPECKS`].
pub const LINES_MAX: usize = 1_000;

/// One line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The partner's article number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The category by which rules cover it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How much of it, a decimal with at most three places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// What it costs.
    pub amount: Money,
}

/// What was shown at the till.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// A verified live code. In a purchase more than two minutes old it counts as the bare number.
    LiveCode,
    /// The card's number alone.
    BareNumber,
    /// A signed proof of a till without network.
    Proof,
    /// Nothing: a row of an older system's history, without a lower bound on its time.
    History,
}

/// How the card stood at the moment of the purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardStanding {
    /// Valid.
    Valid,
    /// Blocked (or its holder has left the union).
    Blocked,
    /// Expired.
    Expired,
    /// No such card.
    Unknown,
}

/// What rules ask about a member, as of the purchase.
#[derive(Debug, Clone, Default)]
pub struct Audience {
    /// The codes of the member's organisation and of all above it.
    pub organisations: Arc<[String]>,
    /// The member's category, such as `worker`.
    pub category: Option<String>,
    /// Date of birth.
    pub birth_date: Option<NaiveDate>,
    /// When the member joined the union.
    pub joined_on: Option<NaiveDate>,
    /// Whether whoever posts the purchase is this very member.
    pub sells: bool,
}

/// What a family card may do at most; `None` is without a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CardLimits {
    /// Purchases that earn, by local day.
    pub earn_per_day: Option<i32>,
    /// Purchases that earn, by local month.
    pub earn_per_month: Option<i32>,
    /// Paid with points, by local day.
    pub redeem_per_day: Option<Money>,
    /// Paid with points, by local month.
    pub redeem_per_month: Option<Money>,
}

/// Who buys.
#[derive(Debug, Clone)]
pub struct Buyer {
    /// The member.
    pub member: MemberId,
    /// The card that was shown, where one was.
    pub card: Option<CardId>,
    /// How that card stood at `occurred_at`.
    pub card_standing: CardStanding,
    /// The card's own limits, where it has some.
    pub limits: Option<CardLimits>,
    /// What rules ask about the member.
    pub audience: Audience,
}

text_enum! {
    /// The way a purchase came in.
    Source {
        /// A partner's program.
        Api => "api",
        /// The till page.
        Till => "till",
        /// One of a batch.
        Batch => "batch",
        /// A row of a register.
        Register => "register",
        /// A row of an older system's history.
        History => "history",
        /// A member's claim that the partner approved.
        Claim => "claim",
    }
}

impl Source {
    /// Whether only member and amount are its content.
    pub(crate) fn is_register(self) -> bool {
        matches!(self, Self::Register | Self::History | Self::Claim)
    }
}

/// A purchase to be posted.
#[derive(Debug, Clone)]
pub struct Sale {
    /// Whose outlet it claims to be.
    pub partner: PartnerId,
    /// The outlet's code.
    pub outlet: String,
    /// The receipt's number, unique at the outlet for ever.
    pub receipt: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// What was bought came to this, before points.
    pub amount: Money,
    /// The receipt's lines, adding up to the amount.
    pub lines: Option<Vec<Line>>,
    /// The part to be paid with points; 0.00 for none.
    pub redeem: Money,
    /// The fiscal receipt.
    pub fiscal: Option<Fiscal>,
    /// `false` reserves the redemption and posts nothing else until it is captured.
    pub capture: bool,
    /// What was shown.
    pub presented: Presented,
    /// Who buys.
    pub buyer: Buyer,
    /// The way it came in.
    pub source: Source,
    /// The client or person who sent it.
    pub posted_by: Uuid,
    /// Whether that is a person who posts by hand: at the till page, or by approving a claim.
    pub by_hand: bool,
}

impl Sale {
    /// How it is known.
    pub fn key(&self) -> ReceiptKey {
        ReceiptKey { outlet: self.outlet.clone(), receipt: self.receipt.clone() }
    }
}

/// How a purchase is known: the outlet's code (unique over all partners) and the receipt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiptKey {
    /// The outlet's code.
    pub outlet: String,
    /// The receipt's number.
    pub receipt: String,
}
