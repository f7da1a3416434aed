//! Posting purchases: what is said of one ([`sale`]), why it may be refused ([`refusal`]).

pub mod fiscal;
pub mod refusal;
pub mod sale;

use crate::balances::Balance;
use crate::purchases::Purchase;

pub use fiscal::{Fiscal, FiscalError};
pub use refusal::Refusal;
pub use sale::{Audience, Buyer, CardStanding, Line, Presented, ReceiptKey, Sale, Source};

/// How many purchases one batch may have.
pub const BATCH_MAX: usize = 1_024;

/// A purchase that is there now.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The purchase.
    pub purchase: Purchase,
    /// Whether it was there before.
    pub replayed: bool,
    /// The member's balances after it; `None` for one without any.
    pub balance: Option<Balance>,
}
