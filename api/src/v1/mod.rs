//! The public API, one file a resource.

pub mod adjustments;
pub mod auth;
pub mod cards;
pub mod enrolments;
pub mod events;
pub mod files;
pub mod health;
pub mod imports;
pub mod jwks;
pub mod ledger;
pub mod me;
pub mod members;
pub mod merging;
pub mod oauth;
pub mod organisations;
pub mod paging;
pub mod partners;
pub mod purchases;
pub mod registers;
pub mod rules;
pub mod settings;
pub mod staff;
pub mod standings;
pub mod tiers;
pub mod types;
pub mod webhooks;
