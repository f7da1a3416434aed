//! A purchase as asked for, and its answer.

use card_issuer::aliases::CardName;
use card_issuer::code::PresentedCode;
use card_issuer::proof::Proof;
use card_issuer::resolutions::ResolutionId;
use cashback_engine::PartnerId;
use cashback_engine::balances::Balance;
use cashback_engine::posting::{Fiscal, Line, Source};
use cashback_engine::purchases::Purchase;
use chrono::{DateTime, Utc};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use uuid::Uuid;

/// Who posts.
#[derive(Debug, Clone)]
pub struct Asker {
    /// A text that names them: resolutions are bound to it.
    pub key: String,
    /// The client or login.
    pub id: Uuid,
    /// For whom.
    pub partner: PartnerId,
    /// The outlets a cashier may post for; empty is all of the partner's.
    pub outlets: Vec<String>,
    /// By which way.
    pub source: Source,
    /// Whether it is a person rather than a program.
    pub by_hand: bool,
}

/// What was shown at the till.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A live code.
    Code(PresentedCode),
    /// The bare number, or another number the card answers to.
    Name(CardName),
    /// A proof of ours, checked.
    Proof(Proof),
    /// What a look at the card answered.
    Resolution(ResolutionId),
    /// Nothing: a member's claim that the partner approves.
    Claim(MemberId),
}

impl Credential {
    /// What is left of it in a purchase long ago: a live code counts as the bare number then, and isn't judged.
    pub fn without_code(self) -> Self {
        match self {
            Self::Code(code) => Self::Name(code.number.into()),
            Self::Name(_) | Self::Proof(_) | Self::Resolution(_) | Self::Claim(_) => self,
        }
    }
}

/// A purchase as asked for.
#[derive(Debug, Clone)]
pub struct Order {
    /// Who posts.
    pub asker: Asker,
    /// What was shown.
    pub credential: Credential,
    /// The outlet's code.
    pub outlet: String,
    /// The receipt.
    pub receipt: String,
    /// When it was bought.
    pub occurred_at: DateTime<Utc>,
    /// What it came to, before points.
    pub amount: Money,
    /// Its lines.
    pub lines: Option<Vec<Line>>,
    /// The part to be paid with points.
    pub redeem: Money,
    /// The fiscal receipt.
    pub fiscal: Option<Fiscal>,
    /// Whether to post at once, or only to authorise.
    pub capture: bool,
}

/// The answer to a posted, replayed or quoted order.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The purchase as it is now.
    pub purchase: Purchase,
    /// Whether this order made it.
    pub created: bool,
    /// The member's balance, when a live code was shown.
    pub balance: Option<Balance>,
}
