//! The public API, one file a resource.

pub mod auth;
pub mod events;
pub mod health;
pub mod jwks;
pub mod oauth;
pub mod staff;
