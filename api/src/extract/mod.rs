//! Extractors of our own: what they refuse answers problem+json that names the field.

mod json;
mod query;
mod strict;

pub use json::Json;
pub use query::{IdPath, Path, Query};
pub use strict::from_slice;
