//! The stories, one file each, in one binary.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it expects"
)]

mod authorized;
mod bad_inputs;
mod card_states;
mod cards_family;
mod cards_life;
mod cards_offline;
mod cards_other_numbers;
mod cli;
mod contract;
mod crash;
mod delivery;
mod edges;
mod engine_closing;
mod engine_jobs;
mod engine_posting;
mod engine_properties;
mod engine_registers;
mod engine_standing;
mod engine_support;
mod engine_two_steps;
mod expiry_notices;
mod faces;
mod finance;
mod foreign_ids;
mod generated;
mod health;
mod idempotency;
mod imports_http;
mod jobs_killed;
mod ledger_http;
mod live_codes;
mod machine;
mod me_http;
mod members_http;
mod memberships_http;
mod migrations;
mod organisations_http;
mod pages;
mod people;
mod pictures;
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
