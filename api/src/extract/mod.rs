//! Extractors of our own: what they refuse answers problem+json that names the field.

mod form;
mod json;
mod query;
mod strict;

pub use form::Form;
pub use json::{Json, NoBody, OptionalJson, check_length};
pub use query::{IdPath, Path, Query};
pub use strict::from_slice;
