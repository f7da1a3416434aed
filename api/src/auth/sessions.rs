//! Sessions of people and their refresh tokens, in PostgreSQL: what ends there has ended on the next request.

use cashback_engine::PartnerId;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::{refresh_tokens, sessions, staff};
use uuid::Uuid;

use super::secrets;
use super::token::Realm;

/// An access token of a person lives so long; a refresh token brings the next.
pub const ACCESS_LIFE: TimeDelta = TimeDelta::minutes(15);

shared_kernel::text_enum!(
    /// Why a session is over.
    EndReason {
        /// Its holder signed out.
        SignedOut => "signed_out",
        /// A refresh token came twice: somebody has a copy.
        TokenReused => "token_reused",
        /// The password was changed.
        PasswordChanged => "password_changed",
        /// The login was disabled.
        Disabled => "disabled",
        /// The address or phone its holder signs in with was changed.
        ContactChanged => "contact_changed",
    }
);

/// How long a session lasts unused, and at most.
struct Lives {
    idle: TimeDelta,
    whole: TimeDelta,
}

const fn lives(realm: Realm) -> Lives {
    match realm {
        Realm::Member => Lives { idle: TimeDelta::days(90), whole: TimeDelta::days(365) },
        // Programs and wallets have no sessions: theirs are tokens and grants.
        Realm::Staff | Realm::Client | Realm::Wallet => {
            Lives { idle: TimeDelta::hours(24), whole: TimeDelta::days(14) }
        }
    }
}

/// A session with the refresh token that keeps it going; the token is nowhere else.
#[derive(Debug, Clone)]
pub struct Open {
    /// The session.
    pub session: Uuid,
    /// A member's or staff's.
    pub realm: Realm,
    /// Whose.
    pub subject: Uuid,
    /// Works once.
    pub refresh_token: String,
    /// Until when it works.
    pub refresh_until: DateTime<Utc>,
}

/// Opens a session.
///
/// # Errors
/// The database's.
pub fn start(
    connection: &mut PgConnection,
    realm: Realm,
    subject: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Open> {
    let session = Uuid::now_v7();
    let ends_at = now + lives(realm).whole;
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(session),
            sessions::realm.eq(realm.as_str()),
            sessions::subject_id.eq(subject),
            sessions::created_at.eq(now),
            sessions::last_seen_at.eq(now),
            sessions::ends_at.eq(ends_at),
        ))
        .execute(connection)?;
    let (refresh_token, refresh_until) = hand_out(connection, session, realm, ends_at, now)?;
    Ok(Open { session, realm, subject, refresh_token, refresh_until })
}

fn hand_out(
    connection: &mut PgConnection,
    session: Uuid,
    realm: Realm,
    ends_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<(String, DateTime<Utc>)> {
    let token = secrets::random_token();
    let expires_at = ends_at.min(now + lives(realm).idle);
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::hash.eq(secrets::hash(token.as_bytes()).as_slice()),
            refresh_tokens::session_id.eq(session),
            refresh_tokens::expires_at.eq(expires_at),
        ))
        .execute(connection)?;
    Ok((token, expires_at))
}

/// The session a refresh token was made for, whether or not either is still good.
///
/// # Errors
/// The database's.
pub fn of_refresh_token(connection: &mut PgConnection, token: &str) -> QueryResult<Option<Uuid>> {
    refresh_tokens::table
        .find(secrets::hash(token.as_bytes()).as_slice())
        .select(refresh_tokens::session_id)
        .first(connection)
        .optional()
}

#[derive(Queryable)]
struct Renewable {
    session: Uuid,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    realm: String,
    subject: Uuid,
    ends_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

/// Takes a refresh token for the next one; none when it isn't good. One that comes again ends its session, so commit
/// whatever the answer.
///
/// # Errors
/// The database's.
pub fn renew(connection: &mut PgConnection, token: &str, now: DateTime<Utc>) -> QueryResult<Option<Open>> {
    let hash = secrets::hash(token.as_bytes());
    let found: Option<Renewable> = refresh_tokens::table
        .inner_join(sessions::table)
        .filter(refresh_tokens::hash.eq(hash.as_slice()))
        .select((
            sessions::id,
            refresh_tokens::expires_at,
            refresh_tokens::used_at,
            sessions::realm,
            sessions::subject_id,
            sessions::ends_at,
            sessions::ended_at,
        ))
        .for_update()
        .first(connection)
        .optional()?;
    let Some(found) = found else { return Ok(None) };
    if found.used_at.is_some() {
        end(connection, found.session, EndReason::TokenReused, now)?;
        return Ok(None);
    }
    let Ok(realm) = found.realm.parse::<Realm>() else { return Ok(None) };
    if found.ended_at.is_some() || found.expires_at <= now || found.ends_at <= now {
        return Ok(None);
    }
    diesel::update(refresh_tokens::table.find(hash.as_slice()))
        .set(refresh_tokens::used_at.eq(now))
        .execute(connection)?;
    diesel::update(sessions::table.find(found.session))
        .set(sessions::last_seen_at.eq(now))
        .execute(connection)?;
    let (refresh_token, refresh_until) = hand_out(connection, found.session, realm, found.ends_at, now)?;
    Ok(Some(Open { session: found.session, realm, subject: found.subject, refresh_token, refresh_until }))
}

/// Ends a session; ending it again changes nothing.
///
/// # Errors
/// The database's.
pub fn end(
    connection: &mut PgConnection,
    session: Uuid,
    reason: EndReason,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(sessions::table.find(session).filter(sessions::ended_at.is_null()))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
        .execute(connection)
}

/// Ends every session of a member or a login.
///
/// # Errors
/// The database's.
pub fn end_all(
    connection: &mut PgConnection,
    subject: Uuid,
    reason: EndReason,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    end_all_of(connection, &[subject], reason, now)
}

/// Ends every session of many members or logins.
///
/// # Errors
/// The database's.
pub fn end_all_of(
    connection: &mut PgConnection,
    subjects: &[Uuid],
    reason: EndReason,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(
        sessions::table.filter(sessions::subject_id.eq_any(subjects)).filter(sessions::ended_at.is_null()),
    )
    .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason.as_str())))
    .execute(connection)
}

/// Whether a member's session goes on.
///
/// # Errors
/// The database's.
pub fn is_open(
    connection: &mut PgConnection,
    session: Uuid,
    member: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(
        sessions::table
            .find(session)
            .filter(sessions::realm.eq(Realm::Member.as_str()))
            .filter(sessions::subject_id.eq(member))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::ends_at.gt(now)),
    ))
    .get_result(connection)
}

/// What a login may do now, if its session goes on and it isn't disabled.
#[derive(Debug, Queryable)]
pub struct StaffStanding {
    /// The role.
    pub role: super::Role,
    /// See [`super::principal::StaffPrincipal::organisation`].
    pub organisation: Option<String>,
    /// See [`super::principal::StaffPrincipal::partner`].
    pub partner: Option<PartnerId>,
    /// See [`super::principal::StaffPrincipal::outlets`].
    pub outlets: Vec<Option<String>>,
}

/// Reads a login's standing along with its session.
///
/// # Errors
/// The database's.
pub fn staff_standing(
    connection: &mut PgConnection,
    session: Uuid,
    login: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Option<StaffStanding>> {
    sessions::table
        .inner_join(staff::table.on(staff::id.eq(sessions::subject_id)))
        .filter(sessions::id.eq(session))
        .filter(sessions::realm.eq(Realm::Staff.as_str()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::ends_at.gt(now))
        .filter(staff::id.eq(login))
        .filter(staff::disabled_at.is_null())
        .select((staff::role, staff::organisation_code, staff::partner_id, staff::outlets))
        .first(connection)
        .optional()
}
