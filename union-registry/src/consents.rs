//! Proof of consent to the processing of personal data: for what, to which text, when, how; withdrawn, never removed.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::text_enum;

use crate::RegistryError;
use crate::schema::registry::consents;

/// The purpose of the consent that the import's `consent_on` column tells of.
pub const PERSONAL_DATA: &str = "personal_data";
/// The text version of consents given on paper before this register.
pub const PAPER_TEXT: &str = "paper";

text_enum!(
    /// How a consent was given.
    Channel {
        /// On paper, filed by the organisation.
        Paper => "paper",
        /// Told by an imported file.
        Import => "import",
        /// By the member, on their page.
        Web => "web",
        /// By the member, at an office.
        Office => "office",
    }
);

/// A consent.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = consents)]
pub struct Consent {
    /// Whose.
    pub member_id: MemberId,
    /// For what: one consent a purpose.
    pub purpose: String,
    /// The exact text agreed to, by version or hash.
    pub text_version: String,
    /// When.
    pub given_at: DateTime<Utc>,
    /// How.
    pub channel: Channel,
    /// When it was withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// When it was put down here.
    pub recorded_at: DateTime<Utc>,
}

/// Records a consent; the same one again changes nothing.
///
/// # Errors
/// The database's.
pub fn record(connection: &mut PgConnection, consent: &Consent) -> Result<(), RegistryError> {
    diesel::insert_into(consents::table).values(consent).on_conflict_do_nothing().execute(connection)?;
    Ok(())
}

/// Withdraws every standing consent of a member to a purpose; the number withdrawn.
///
/// # Errors
/// The database's.
pub fn withdraw(
    connection: &mut PgConnection,
    member: MemberId,
    purpose: &str,
    now: DateTime<Utc>,
) -> Result<usize, RegistryError> {
    let standing = consents::table
        .filter(consents::member_id.eq(member))
        .filter(consents::purpose.eq(purpose))
        .filter(consents::given_at.le(now))
        .filter(consents::withdrawn_at.is_null());
    Ok(diesel::update(standing).set(consents::withdrawn_at.eq(now)).execute(connection)?)
}

/// A member's consents, the latest first.
///
/// # Errors
/// The database's.
pub fn of_member(connection: &mut PgConnection, member: MemberId) -> Result<Vec<Consent>, RegistryError> {
    Ok(consents::table
        .filter(consents::member_id.eq(member))
        .order((consents::given_at.desc(), consents::purpose))
        .select(Consent::as_select())
        .load(connection)?)
}
