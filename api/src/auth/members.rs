//! From an e-mail address or phone to the member it belongs to: the one place where signing in meets the register.

use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use union_registry::RegistryError;
use union_registry::contact::{normalise_email, normalise_phone};
use union_registry::members::{self, Contact};

use super::attempts::Account;
use super::secrets;
use crate::app::App;
use crate::problem::Problem;

/// What a member signs in with, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An e-mail address.
    Email(String),
    /// A phone in E.164.
    Phone(String),
}

impl Address {
    /// Reads one of the two fields.
    ///
    /// # Errors
    /// 422 when neither or both are there, or it is no address.
    pub fn of(email: Option<&str>, phone: Option<&str>) -> Result<Self, Problem> {
        match (email, phone) {
            (Some(email), None) => normalise_email(email).map(Self::Email).ok_or_else(|| {
                Problem::invalid_field("#/email", "is no e-mail address", "это не адрес почты")
            }),
            (None, Some(phone)) => normalise_phone(phone).map(Self::Phone).ok_or_else(|| {
                Problem::invalid_field("#/phone", "is no phone number", "это не номер телефона")
            }),
            _ => Err(Problem::invalid_field(
                "#/email",
                "one of email and phone is needed",
                "нужно одно из двух: email или phone",
            )),
        }
    }

    /// The key under which attempts and codes of this address are kept.
    pub fn account(&self, app: &App) -> Account {
        match self {
            Self::Email(text) => {
                secrets::keyed_hash(&app.auth.account_key, &[b"member email", text.as_bytes()])
            }
            Self::Phone(text) => {
                secrets::keyed_hash(&app.auth.account_key, &[b"member phone", text.as_bytes()])
            }
        }
    }
}

/// The one member with this address; none when there is none, or several share it: the code would not tell them apart.
///
/// # Errors
/// The database's.
pub fn find(
    app: &App,
    connection: &mut PgConnection,
    address: &Address,
) -> Result<Option<MemberId>, Problem> {
    let contact = match address {
        Address::Email(text) => Contact::Email(text),
        Address::Phone(text) => Contact::Phone(text),
    };
    let problem = |error| match error {
        RegistryError::Database(error) => Problem::from(error),
        error => Problem::internal(&error),
    };
    let sealer = &app.derived.sealer;
    let mut found = members::by_contact(connection, sealer, contact).map_err(problem)?;
    if found.is_empty() {
        // Who left the union still has what they earned, and comes for it.
        found = members::left_by_contact(connection, sealer, contact).map_err(problem)?;
    }
    match found.as_slice() {
        [member] => Ok(Some(member.person.id)),
        [] => Ok(None),
        _ => {
            tracing::warn!(members = found.len(), "an address several members share opens nobody's account");
            Ok(None)
        }
    }
}
