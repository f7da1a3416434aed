//! The public API, one file a resource.

pub mod cards;
pub mod health;
pub mod imports;
pub mod ledger;
pub mod me;
pub mod members;
pub mod organisations;
pub mod paging;
pub mod partners;
pub mod purchases;
pub mod registers;
pub mod rules;
pub mod types;
