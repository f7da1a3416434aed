//! A partner's endpoints: where it wants to be told what.

use cashback_engine::PartnerId;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use shared_kernel::advisory;
use shared_kernel::schema::platform::webhooks;
use uuid::Uuid;

use super::events::EventKind;

/// Endpoints of one partner at most.
pub const ENDPOINTS_MAX: i64 = 10;
/// The lock under which a partner's endpoints are counted: "webhooks" in ASCII.
const COUNT_LOCK: i64 = 0x7765_6268_6f6f_6b73;
/// How long the secret before a new one goes on signing.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

shared_kernel::text_enum!(
    /// Why nothing is sent to an endpoint any more.
    DisabledWhy {
        /// Nothing but failures for days.
        Failing => "failing",
        /// The receiver answered 410: never again.
        Gone => "gone",
    }
);

/// An endpoint.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub struct Endpoint {
    /// The identifier.
    pub id: Uuid,
    /// Whose.
    pub partner_id: PartnerId,
    /// Where messages go.
    pub url: String,
    /// What it is told.
    #[diesel(deserialize_as = Vec<Option<EventKind>>)]
    pub events: Events,
    /// Which of its secrets signs.
    pub secret_version: i32,
    /// Until when the one before signs too.
    pub overlap_until: Option<DateTime<Utc>>,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
    /// Nothing but failures since then.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when nothing is sent to it.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why nothing is.
    pub disabled_why: Option<DisabledWhy>,
}

/// The events an endpoint is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events(pub Vec<EventKind>);

impl From<Vec<Option<EventKind>>> for Events {
    fn from(stored: Vec<Option<EventKind>>) -> Self {
        Self(stored.into_iter().flatten().collect())
    }
}

/// Why an endpoint can't be made.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The partner has it already.
    #[error("the partner has an endpoint with this address")]
    Taken,
    /// The partner has as many as it may.
    #[error("the partner has {ENDPOINTS_MAX} endpoints")]
    TooMany,
    /// The database's.
    #[error(transparent)]
    Database(#[from] Error),
}

/// Makes an endpoint.
///
/// # Errors
/// [`EndpointError`]
pub fn create(
    connection: &mut PgConnection,
    partner: PartnerId,
    (url, events): (&str, &[EventKind]),
    now: DateTime<Utc>,
) -> Result<Endpoint, EndpointError> {
    let made = connection.transaction(|connection| {
        advisory::lock_in_transaction(connection, COUNT_LOCK)?;
        let there: i64 =
            webhooks::table.filter(webhooks::partner_id.eq(partner)).count().get_result(connection)?;
        if there >= ENDPOINTS_MAX {
            return Err(EndpointError::TooMany);
        }
        Ok(diesel::insert_into(webhooks::table)
            .values((
                webhooks::id.eq(Uuid::now_v7()),
                webhooks::partner_id.eq(partner),
                webhooks::url.eq(url),
                webhooks::events.eq(events),
                webhooks::created_at.eq(now),
            ))
            .returning(Endpoint::as_returning())
            .get_result(connection)?)
    });
    made.map_err(|error| match error {
        EndpointError::Database(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info))
            if info.constraint_name() == Some("webhooks_partner_url") =>
        {
            EndpointError::Taken
        }
        other => other,
    })
}

/// A partner's endpoints, the oldest first; there are [`ENDPOINTS_MAX`] at most.
///
/// # Errors
/// The database's.
pub fn list(connection: &mut PgConnection, partner: PartnerId) -> QueryResult<Vec<Endpoint>> {
    webhooks::table
        .filter(webhooks::partner_id.eq(partner))
        .order(webhooks::id)
        .limit(ENDPOINTS_MAX)
        .select(Endpoint::as_select())
        .load(connection)
}

/// A partner's endpoint.
///
/// # Errors
/// [`Error::NotFound`], also when it is another's.
pub fn find(connection: &mut PgConnection, partner: PartnerId, id: Uuid) -> QueryResult<Endpoint> {
    webhooks::table
        .find(id)
        .filter(webhooks::partner_id.eq(partner))
        .select(Endpoint::as_select())
        .first(connection)
}

/// An endpoint, whoever's it is.
///
/// # Errors
/// The database's.
pub fn by_id(connection: &mut PgConnection, id: Uuid) -> QueryResult<Option<Endpoint>> {
    webhooks::table.find(id).select(Endpoint::as_select()).first(connection).optional()
}

/// Gives an endpoint a new secret; the one before signs too for [`OVERLAP`]. `None` while an earlier one does: a receiver
/// that still goes by it would be left with nothing it can check.
///
/// # Errors
/// The database's.
pub fn rotate(
    connection: &mut PgConnection,
    partner: PartnerId,
    id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Option<Endpoint>> {
    let settled = webhooks::overlap_until.is_null().or(webhooks::overlap_until.le(now).assume_not_null());
    diesel::update(webhooks::table.find(id).filter(webhooks::partner_id.eq(partner)).filter(settled))
        .set((
            webhooks::secret_version.eq(webhooks::secret_version + 1),
            webhooks::overlap_until.eq(now + OVERLAP),
        ))
        .returning(Endpoint::as_returning())
        .get_result(connection)
        .optional()
}

/// Sends to an endpoint again; what waited goes out, what was parked stays parked.
///
/// # Errors
/// [`Error::NotFound`], also when it is another's.
pub fn enable(connection: &mut PgConnection, partner: PartnerId, id: Uuid) -> QueryResult<Endpoint> {
    let none: Option<DateTime<Utc>> = None;
    diesel::update(webhooks::table.find(id).filter(webhooks::partner_id.eq(partner)))
        .set((
            webhooks::failing_since.eq(none),
            webhooks::paused_until.eq(none),
            webhooks::disabled_at.eq(none),
            webhooks::disabled_why.eq(None::<DisabledWhy>),
        ))
        .returning(Endpoint::as_returning())
        .get_result(connection)
}

/// Removes an endpoint with all that was to be sent to it.
///
/// # Errors
/// [`Error::NotFound`], also when it is another's.
pub fn remove(connection: &mut PgConnection, partner: PartnerId, id: Uuid) -> QueryResult<()> {
    let removed = diesel::delete(webhooks::table.find(id).filter(webhooks::partner_id.eq(partner)))
        .execute(connection)?;
    if removed == 0 { Err(Error::NotFound) } else { Ok(()) }
}
