//! Extractors of our own: what they refuse answers problem+json that names the field.

mod form;
mod json;
mod query;
mod strict;
mod words;

pub use form::Form;
pub use json::{Json, NoBody, OptionalJson, check_length};
pub use query::{IdPath, Path, Query};
pub use strict::from_slice;

use crate::problem::Problem;

/// What is read from a request but judged only once the handler has found what the path names: what somebody may not
/// see is 404, whatever they sent along.
pub type Later<T> = Result<T, Problem>;
