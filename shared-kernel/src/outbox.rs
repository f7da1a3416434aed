//! Events appended in the transaction that causes them, so that none precedes or outlives it. The relay in `api`
//! reads them in order and turns them into mail, webhooks and live updates.

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid};

use crate::ids::MemberId;
use crate::schema::platform::outbox;

/// What happened, told once.
#[derive(Debug, Clone)]
pub struct Event {
    /// What kind of event, as `subject.verb` ("purchase.posted", "card.issued").
    pub kind: String,
    /// The member whose page shows it, if any.
    pub member_id: Option<MemberId>,
    /// Identifiers and amounts; never personal data. What a partner may be told of names it as `partner_id`.
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
        AppendEvents::of(chunk).execute(connection)?;
    }
    Ok(())
}

/// The insert as one statement whatever the number: diesel prepares and caches it, which it doesn't do for many rows of
/// values.
struct AppendEvents<'a> {
    kinds: Vec<&'a str>,
    members: Vec<Option<MemberId>>,
    payloads: Vec<&'a serde_json::Value>,
    times: Vec<DateTime<Utc>>,
}

impl<'a> AppendEvents<'a> {
    fn of(events: &'a [Event]) -> Self {
        Self {
            kinds: events.iter().map(|event| event.kind.as_str()).collect(),
            members: events.iter().map(|event| event.member_id).collect(),
            payloads: events.iter().map(|event| &event.payload).collect(),
            times: events.iter().map(|event| event.occurred_at).collect(),
        }
    }
}

impl QueryId for AppendEvents<'_> {
    type QueryId = AppendEvents<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for AppendEvents<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO platform.outbox (kind, member_id, payload, occurred_at) SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Uuid>>, _>(&self.members)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Jsonb>, _>(&self.payloads)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.times)?;
        out.push_sql(")");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for AppendEvents<'_> {}

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
