//! Rules: what a partner gives for which purchases. [`terms`], [`draft`], [`evaluate`] and `judge` are pure; [`store`] keeps
//! the versions, [`book`] is all of them as posting needs them.

pub mod book;
pub mod draft;
pub mod evaluate;
pub(crate) mod judge;
pub mod listing;
pub mod preview;
pub mod simulate;
pub mod store;
pub mod terms;
pub(crate) mod usage;

pub use book::{Book, BookCache};
pub use draft::RuleDraft;
pub use listing::{RuleFilter, RuleStatus, RuleVersion};
pub use terms::Terms;
