//! The stories, one file each, in one binary.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it expects"
)]

mod apple_device;
mod apple_pass;
mod apple_push;
mod apple_support;
mod authorized;
mod bad_inputs;
mod card_states;
mod cards_family;
mod cards_life;
mod cards_offline;
mod cards_other_numbers;
mod claims;
mod cli;
mod contract;
mod crash;
mod delivery;
mod edges;
mod engine_claim_histories;
mod engine_claims;
mod engine_closing;
mod engine_jobs;
mod engine_late;
mod engine_posting;
mod engine_properties;
mod engine_refund_sources;
mod engine_registers;
mod engine_standing;
mod engine_support;
mod engine_two_steps;
mod expiry_notices;
mod faces;
mod finance;
mod fraud;
mod generated;
mod google_wallet;
mod health;
mod idempotency;
mod imports_http;
mod jobs_killed;
mod ledger_http;
mod machine;
mod me_http;
mod members_http;
mod migrations;
mod pages;
mod partners_http;
mod people;
mod plastic;
mod plastic_cli;
mod private_postgres;
mod purchase_races;
mod purchases;
mod registers_http;
mod registry_imports;
mod registry_members;
mod registry_support;
mod rights;
mod rules_http;
mod rules_simulation;
mod rules_versions;
mod shop;
mod sign_in;
mod standing_http;
mod structure;
mod till;
mod wallet_consent;
mod webhooks;
