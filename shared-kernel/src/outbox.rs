//! Events appended in the transaction that causes them, so that none precedes or outlives it. The relay in `api`
//! reads them in order and turns them into mail, webhooks and live updates.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use crate::ids::MemberId;
use crate::schema::platform::outbox;

/// What happened, told once.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = outbox)]
pub struct Event {
    /// What kind of event, as `subject.verb` ("purchase.posted", "card.issued").
    pub kind: String,
    /// The member whose page shows it, if any.
    pub member_id: Option<MemberId>,
    /// Identifiers and amounts; never personal data.
    pub payload: serde_json::Value,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// An event as read back by the relay.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Recorded {
    /// Its place in the order of appending.
    pub id: i64,
    /// See [`Event::kind`].
    pub kind: String,
    /// See [`Event::member_id`].
    pub member_id: Option<MemberId>,
    /// See [`Event::payload`].
    pub payload: serde_json::Value,
    /// See [`Event::occurred_at`].
    pub occurred_at: DateTime<Utc>,
}

/// Appends events within the caller's transaction.
///
/// # Errors
/// The database's.
pub fn append(connection: &mut PgConnection, events: &[Event]) -> QueryResult<()> {
    for chunk in events.chunks(1_000) {
        diesel::insert_into(outbox::table).values(chunk).execute(connection)?;
    }
    Ok(())
}

/// Claims up to `limit` events that nobody else is relaying, oldest first. They stay claimed until the caller's
/// transaction ends; [`settle`] removes them.
///
/// # Errors
/// The database's.
pub fn claim(connection: &mut PgConnection, limit: i64) -> QueryResult<Vec<Recorded>> {
    outbox::table
        .select(Recorded::as_select())
        .order(outbox::id)
        .limit(limit)
        .for_update()
        .skip_locked()
        .load(connection)
}

/// Removes relayed events.
///
/// # Errors
/// The database's.
pub fn settle(connection: &mut PgConnection, ids: &[i64]) -> QueryResult<usize> {
    diesel::delete(outbox::table.filter(outbox::id.eq_any(ids))).execute(connection)
}
