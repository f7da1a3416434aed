//! The public API, one file a resource.

pub mod auth;
pub mod card_records;
pub mod cards;
pub mod designs;
pub mod events;
pub mod files;
pub mod health;
pub mod imports;
pub mod jwks;
pub mod ledger;
pub mod me;
pub mod members;
pub mod oauth;
pub mod organisations;
pub mod paging;
pub mod partners;
pub mod print_batches;
pub mod purchases;
pub mod registers;
pub mod revocations;
pub mod rules;
pub mod settings;
pub mod staff;
pub mod types;
pub mod webhooks;
