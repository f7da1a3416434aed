//! Exact money: a purchase becomes transfers.
