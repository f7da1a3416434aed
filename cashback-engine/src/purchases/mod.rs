//! Purchases: the record each one keeps, how rules judged it, and how it is shown.

mod find;
mod judgement;
mod record;
mod status;
mod view;

pub use find::{authorized, by_ids, purchase, purchase_by_receipt};
pub(crate) use judgement::read_jsonb;
pub use judgement::{Applied, Declined, Judgement};
pub use record::{Captured, Kept};
pub use status::{CashbackReason, CashbackStatus, PurchaseStatus};
pub use view::{Cashback, Purchase, RuleShare};

pub(crate) use find::{last_days, waiting};
pub(crate) use record::PurchaseRecord;
pub(crate) use view::shown;
