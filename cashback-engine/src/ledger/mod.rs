//! The ledger: accounts, transfers between them, and what must always hold.

pub mod account;
