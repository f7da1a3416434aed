//! The ledger: accounts, transfers between them, and what must always hold.

pub mod account;
pub mod audit;
pub mod closing;
pub mod read;
mod standing;
mod walk;

pub use read::{AccountBalance, AccountName, PostingView, TransferView, TrialBalance};
