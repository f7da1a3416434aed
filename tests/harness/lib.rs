//! What the stories stand on: a database cloned from a migrated template, the real server on a free port, a client,
//! and the real program as a process.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it expects"
)]

pub mod apns;
pub mod builders;
pub mod client;
pub mod contract;
pub mod database;
pub mod google;
pub mod mailbox;
mod patience;
pub mod program;
pub mod server;
pub mod socket;
mod undone;
pub mod wallets;
pub mod webhook_sink;

pub use client::{Answer, Client};
pub use database::{TestDatabase, database, empty_database};
pub use patience::{PATIENCE, eventually, until};
pub use server::{TestServer, server};

use std::path::PathBuf;

/// The folder of the checkout.
pub fn checkout() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests lies in the checkout").to_owned()
}

/// The folder the compiler puts this profile's programs in (`target/debug`).
pub fn build_folder() -> PathBuf {
    let running = std::env::current_exe().expect("a running test has a path");
    let folder = running.ancestors().nth(2).expect("tests run from target/<profile>/deps");
    folder.to_owned()
}
