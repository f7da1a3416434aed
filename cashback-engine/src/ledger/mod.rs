//! The ledger: accounts, transfers between them, and what must always hold.

pub mod account;
pub mod audit;
pub mod read;
mod standing;

pub use read::{AccountBalance, AccountName, PostingView, TransferView, TrialBalance};
