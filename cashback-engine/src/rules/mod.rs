//! Rules: what a partner gives for which purchases. [`terms`], [`draft`] and [`evaluate`] are pure; [`store`] keeps
//! the versions, [`book`] is all of them as posting needs them.

pub mod book;
pub mod draft;
pub mod evaluate;
pub mod store;
pub mod terms;
pub(crate) mod usage;

pub use book::{Book, BookCache};
pub use draft::RuleDraft;
pub use store::{RuleStatus, RuleVersion};
pub use terms::Terms;
