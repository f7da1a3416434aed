//! The stories, one file each, in one binary.

mod bad_inputs;
mod health;
mod migrations;
mod pages;
mod private_postgres;
mod structure;
