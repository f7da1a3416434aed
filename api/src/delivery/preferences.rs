//! What a member wants to be told, in which language.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::schema::platform::preferences;

use crate::problem::Language;

shared_kernel::text_enum!(
    /// The language letters are written in.
    Tongue {
        /// Russian.
        Russian => "ru",
        /// English.
        English => "en",
    }
);

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::Russian => Self::Russian,
            Tongue::English => Self::English,
        }
    }
}

/// A member's wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = preferences)]
pub struct Preferences {
    /// A letter in the evening of a day that brought cashback.
    pub daily_digest: bool,
    /// The language of letters.
    pub language: Tongue,
    /// Letters about points that will expire.
    pub expiry_notices: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { daily_digest: true, language: Tongue::Russian, expiry_notices: true }
    }
}

/// A member's wishes, or what holds for who never said.
///
/// # Errors
/// The database's.
pub fn load(connection: &mut PgConnection, member: MemberId) -> QueryResult<Preferences> {
    let kept =
        preferences::table.find(member).select(Preferences::as_select()).first(connection).optional()?;
    Ok(kept.unwrap_or_default())
}

/// Keeps a member's wishes.
///
/// # Errors
/// The database's.
pub fn save(
    connection: &mut PgConnection,
    member: MemberId,
    wishes: &Preferences,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let values = (
        preferences::daily_digest.eq(wishes.daily_digest),
        preferences::language.eq(wishes.language),
        preferences::expiry_notices.eq(wishes.expiry_notices),
        preferences::updated_at.eq(now),
    );
    diesel::insert_into(preferences::table)
        .values((preferences::member_id.eq(member), values))
        .on_conflict(preferences::member_id)
        .do_update()
        .set(values)
        .execute(connection)?;
    Ok(())
}
