//! The public API, one file a resource.

pub mod health;
