//! Who belongs to the union: the tree of organisations, its members, where they belonged on any day.
//!
//! | module | what it holds |
//! |---|---|
//! | [`organisations`] | the tree: finding, creating, listing; ancestors and subtrees by a materialised path |
//! | [`members`] | a person's record: admitting, finding, changing, searching |
//! | [`memberships`] | stretches of membership: transfer, leaving, suspension, who was what on a day |
//! | [`merging`] | two records found to be one person |
//! | [`facts`] | what posting a purchase needs to know of its members, in one statement |
//! | [`statistics`] | counts of a subtree on a day |
//! | [`consents`] | proof of consent to the processing of personal data |
//! | [`imports`] | organisations and members from CSV and XLSX files of any size |
//! | [`fields`] | a member's or organisation's fields as texts, checked: the same for files and for HTTP |
//! | [`sealing`] | [`sealing::Sealer`]: phones and addresses sealed at rest |
//! | [`resealing`] | the same sealed anew under the master key's next version |
//! | [`contact`], [`inn`], [`text`] | normal spellings and checks |
//!
//! Functions take `&mut PgConnection`, values and `now`; days are the union's calendar days, [`day_of`] an instant. What
//! writes several tables opens a transaction, or a savepoint within the caller's. Rights are the caller's business:
//! [`organisations::is_within`] answers whether an organisation lies in a subtree.

pub mod consents;
pub mod contact;
mod error;
pub mod facts;
pub mod fields;
pub mod imports;
pub mod inn;
mod kinds;
pub mod members;
pub mod memberships;
pub mod merging;
pub mod organisations;
pub mod resealing;
#[allow(missing_docs, reason = "generated")]
pub mod schema;
pub mod sealing;
pub mod statistics;
pub mod text;
pub mod upkeep;

pub use error::{Fault, RegistryError};
pub use kinds::{Category, MemberStatus, OrganisationKind, Reason, Sex};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};

/// The union's calendar day of an instant: Moscow's, where no clock has been shifted since 2014.
pub fn day_of(at: DateTime<Utc>) -> NaiveDate {
    const MOSCOW: FixedOffset = FixedOffset::east_opt(3 * 3_600).expect("three hours are within a day");
    at.with_timezone(&MOSCOW).date_naive()
}
