//! What can go wrong besides a purchase being refused (that is [`crate::posting::Refusal`]).

use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use shared_kernel::money::Money;

/// A field that is wrong, and why, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// JSON pointer to the field, such as `/when/hours`.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl Invalid {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Something asked for is not there (or is another partner's).
    #[error("{0} is unknown")]
    Unknown(&'static str),
    /// A name that must be unique is taken.
    #[error("{0} is taken")]
    Taken(&'static str),
    /// Fields that are wrong.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<Invalid>),
    /// Drafter and approver are one person.
    #[error("another person has to approve this")]
    SamePerson,
    /// Wrong in this state: approving what is approved, ending what has ended.
    #[error("not possible in this state: {0}")]
    State(&'static str),
    /// Fewer points than asked for.
    #[error("only {available} is available")]
    Insufficient {
        /// What there is.
        available: Money,
    },
    /// The member may neither spend nor withdraw.
    #[error("the member is frozen")]
    Frozen,
    /// What was looked at is no longer so: look again.
    #[error("changed since it was looked at")]
    Changed,
    /// The file as a whole can't be used.
    #[error("the file can't be read: {reason}{}", .line.map(|l| format!(" (line {l})")).unwrap_or_default())]
    File {
        /// Why, as a stable word: `header_missing_column`, `encoding`, ...
        reason: &'static str,
        /// The column or detail it concerns.
        detail: String,
        /// The line, where one can be named.
        line: Option<u64>,
    },
    /// The database's own error.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Turns a unique violation of the named constraint into [`EngineError::Taken`].
pub(crate) fn taken(constraint: &str, what: &'static str) -> impl FnOnce(DatabaseError) -> EngineError {
    move |error| match &error {
        DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
            if info.constraint_name() == Some(constraint) =>
        {
            EngineError::Taken(what)
        }
        _ => EngineError::Database(error),
    }
}
