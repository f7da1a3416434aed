//! Why the registry refused something.

use shared_kernel::ids::{MemberId, OrganisationId};

use crate::sealing::SealError;

/// A field that is wrong, and the reason's slug, the same as in import reports ("invalid_phone").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The import column, which is also the field's name over HTTP.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The one error of this crate, files apart.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no such member.
    #[error("no member {0}")]
    UnknownMember(MemberId),
    /// There is no such organisation.
    #[error("no organisation {0}")]
    UnknownOrganisation(OrganisationId),
    /// Fields that cannot be taken, all of them.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<Fault>),
    /// An organisation with this code exists.
    #[error("an organisation with this code exists")]
    CodeTaken,
    /// A member with this membership number exists.
    #[error("a member with this membership number exists")]
    NumberTaken,
    /// The member is not in a state in which this can happen: has left, is suspended already, belongs there already.
    #[error("the member is {0}")]
    WrongState(&'static str),
    /// The organisation is closed.
    #[error("the organisation is closed")]
    Closed,
    /// Members, or open organisations, are still in the organisation.
    #[error("the organisation is not empty")]
    NotEmpty,
    /// A file is coming in that could change what was just looked at.
    #[error("a file is being brought in")]
    Importing,
    /// A day in the future, or before the member's present stretch began.
    #[error("the day is {0}")]
    WrongDay(&'static str),
    /// A sealed value that cannot be opened: another key, or a value moved between rows.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The database's.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
}

impl RegistryError {
    /// One wrong field.
    pub(crate) fn fault(field: &'static str, reason: &'static str) -> Self {
        Self::Invalid(vec![Fault { field, reason }])
    }
}
