//! The only crate that knows HTTP, Redis, mail, time and the environment. The program is `unioncard`; this library is
//! what its `main` and the tests start.

pub mod app;
pub mod auth;
pub mod cache;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod extract;
pub mod files;
pub mod gauges;
pub mod jobs;
pub mod keys;
pub mod openapi;
pub mod pages;
pub mod posting;
pub mod print;
pub mod private_services;
pub mod problem;
pub mod refusals;
pub mod resealing;
pub mod routes;
pub mod server;
pub mod simulations;
pub mod telemetry;
pub mod v1;
pub mod wallets;
pub mod words;
