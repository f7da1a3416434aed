//! What at least two domain crates name: identifiers, money, time, the database connection, the outbox and paging.
#![deny(clippy::float_arithmetic)]

pub mod advisory;
pub mod clock;
pub mod db;
pub mod ids;
pub mod migrations;
pub mod money;
pub mod outbox;
pub mod paging;
#[allow(missing_docs, reason = "generated")]
pub mod schema;
pub mod text;
pub mod text_enum;
