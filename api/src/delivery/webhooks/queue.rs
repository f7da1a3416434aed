//! Messages to be sent: put here with the event they tell of, taken by one sender at a time, kept for a while after.
//!
//! | state | what it means | what comes next |
//! |---|---|---|
//! | waiting | to be sent when it is due | delivered, waiting for the next try, or parked |
//! | delivered | the receiver answered 2xx | sent again when the partner asks |
//! | parked | the last try failed, or the endpoint was disabled when it came | the same |
//!
//! As with letters, taking a message moves its time ahead instead of holding a lock.

use std::collections::{BTreeMap, HashSet};

use cashback_engine::PartnerId;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::paging::{Limit, Page};
use shared_kernel::schema::platform::{webhook_deliveries as deliveries, webhooks};
use uuid::Uuid;

use super::endpoints::Endpoint;
use super::events::{self, Message};
use crate::delivery::queue as letters;

/// How long messages are kept, for whoever asks to have them again.
pub const KEPT: TimeDelta = TimeDelta::days(30);
/// How long a taken message is its sender's.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// The pauses after each failure; after the last one a message is parked.
const PAUSES: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];
/// An endpoint with nothing but failures for so long is disabled: about when its first message is parked.
const FAILING_MAX: TimeDelta = TimeDelta::hours(72);
/// No receiver puts a message off for longer.
const RETRY_AFTER_MAX: TimeDelta = TimeDelta::hours(24);
/// A receiver that asks to slow down gets nothing for so long at least, and at most.
const PAUSE: (TimeDelta, TimeDelta) = (TimeDelta::seconds(30), TimeDelta::hours(1));

shared_kernel::text_enum!(
    /// How a message stands.
    DeliveryState {
        /// To be sent.
        Waiting => "waiting",
        /// The receiver has it.
        Delivered => "delivered",
        /// Not tried any more.
        Parked => "parked",
    }
);

/// A message to an endpoint.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct Delivery {
    /// The `webhook-id`.
    pub id: Uuid,
    /// What happened.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// Since when it is to be sent.
    pub created_at: DateTime<Utc>,
    /// How it stands.
    pub state: DeliveryState,
    /// When it is tried next.
    pub due_at: DateTime<Utc>,
    /// How often it was tried since it was (last) asked for.
    pub attempts: i32,
    /// When it was tried last.
    pub tried_at: Option<DateTime<Utc>>,
    /// The status the receiver answered last.
    pub answered: Option<i16>,
    /// Why the last try failed.
    pub failure: Option<String>,
}

/// A message taken for sending.
#[derive(Debug, QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct Taken {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub webhook_id: Uuid,
    #[diesel(sql_type = Text)]
    pub body: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub attempts: i32,
    #[diesel(sql_type = Text)]
    pub url: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub secret_version: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub overlap_until: Option<DateTime<Utc>>,
}

/// How a try ended.
#[derive(Debug)]
pub(super) struct Tried {
    pub id: Uuid,
    pub webhook_id: Uuid,
    pub attempts: i32,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong; nothing did without.
    pub failure: Option<&'static str>,
    /// How long the receiver asks to wait.
    pub retry_after: Option<TimeDelta>,
}

/// Puts messages into the queues of the endpoints that subscribed to them; those of a disabled endpoint are parked, to
/// be had later. Whether there is something to send.
///
/// # Errors
/// The database's.
pub fn put(connection: &mut PgConnection, messages: &[Message], now: DateTime<Utc>) -> QueryResult<bool> {
    let partners: HashSet<PartnerId> = messages.iter().map(|message| message.partner).collect();
    if partners.is_empty() {
        return Ok(false);
    }
    // Locked against removal until the messages refer to them.
    let endpoints: Vec<Endpoint> = webhooks::table
        .filter(webhooks::partner_id.eq_any(partners))
        .order(webhooks::id)
        .select(Endpoint::as_select())
        .for_key_share()
        .load(connection)?;
    let mut rows = Rows::default();
    for message in messages {
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.partner_id == message.partner) {
            if endpoint.events.0.contains(&message.event) {
                rows.add(endpoint, message.event.as_str(), &message.body);
            }
        }
    }
    rows.insert(connection, now)?;
    Ok(!rows.ids.is_empty())
}

/// Puts a message into one endpoint's queue that tells nothing but that the endpoint works.
///
/// # Errors
/// The database's.
pub fn put_test(
    connection: &mut PgConnection,
    endpoint: &Endpoint,
    now: DateTime<Utc>,
) -> QueryResult<Delivery> {
    let data = serde_json::json!({ "webhook_id": endpoint.id });
    let mut rows = Rows::default();
    rows.add(endpoint, events::TEST, &events::body(events::TEST, now, data));
    rows.insert(connection, now)?;
    deliveries::table.filter(deliveries::id.eq_any(&rows.ids)).select(Delivery::as_select()).first(connection)
}

#[derive(Default)]
struct Rows<'a> {
    ids: Vec<Uuid>,
    endpoints: Vec<Uuid>,
    events: Vec<&'a str>,
    bodies: Vec<String>,
    states: Vec<DeliveryState>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, endpoint: &Endpoint, event: &'a str, body: &str) {
        self.ids.push(Uuid::now_v7());
        self.endpoints.push(endpoint.id);
        self.events.push(event);
        self.bodies.push(body.to_owned());
        self.states.push(match endpoint.disabled_at {
            None => DeliveryState::Waiting,
            Some(_) => DeliveryState::Parked,
        });
    }

    fn insert(&self, connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        diesel::sql_query(include_str!("put.sql"))
            .bind::<Array<SqlUuid>, _>(&self.ids)
            .bind::<Array<SqlUuid>, _>(&self.endpoints)
            .bind::<Array<Text>, _>(&self.events)
            .bind::<Array<Text>, _>(&self.bodies)
            .bind::<Array<Text>, _>(&self.states)
            .bind::<Timestamptz, _>(now)
            .execute(connection)?;
        Ok(())
    }
}

/// Takes messages that are due: so many of each endpoint and of all, but none of the busy ones.
///
/// # Errors
/// The database's.
pub(super) fn take(
    connection: &mut PgConnection,
    (each, all): (i64, i64),
    busy: &[Uuid],
    now: DateTime<Utc>,
) -> QueryResult<Vec<Taken>> {
    diesel::sql_query(include_str!("take.sql"))
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now + LEASE)
        .bind::<BigInt, _>(each)
        .bind::<BigInt, _>(all)
        .bind::<Array<SqlUuid>, _>(busy)
        .load(connection)
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Settled {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    partner_id: PartnerId,
    #[diesel(sql_type = Bool)]
    disabled: bool,
}

/// Writes down how tries ended: delivered, another time, or parked; disables endpoints that are gone or failed for too
/// long, and puts a letter to their partners' managers into the queue.
///
/// # Errors
/// The database's.
pub(super) fn settle(connection: &mut PgConnection, tried: &[Tried], now: DateTime<Utc>) -> QueryResult<()> {
    connection.transaction(|connection| {
        settle_messages(connection, tried, now)?;
        for endpoint in settle_endpoints(connection, tried, now)?.into_iter().filter(|one| one.disabled) {
            tracing::warn!(webhook = %endpoint.id, "a webhook is disabled");
            letters::put_webhook_disabled(connection, endpoint.partner_id, endpoint.id, now)?;
        }
        Ok(())
    })
}

fn settle_messages(connection: &mut PgConnection, tried: &[Tried], now: DateTime<Utc>) -> QueryResult<()> {
    let next: Vec<(DeliveryState, DateTime<Utc>)> = tried.iter().map(|one| one.next(now)).collect();
    diesel::sql_query(include_str!("settle.sql"))
        .bind::<Array<SqlUuid>, _>(tried.iter().map(|one| one.id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(next.iter().map(|(state, _)| *state).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(next.iter().map(|(_, due)| *due).collect::<Vec<_>>())
        .bind::<Array<Nullable<SmallInt>>, _>(
            tried
                .iter()
                .map(|one| one.status.and_then(|status| i16::try_from(status).ok()))
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(tried.iter().map(|one| one.failure).collect::<Vec<_>>())
        .bind::<Timestamptz, _>(now)
        .execute(connection)?;
    Ok(())
}

fn settle_endpoints(
    connection: &mut PgConnection,
    tried: &[Tried],
    now: DateTime<Utc>,
) -> QueryResult<Vec<Settled>> {
    // In the order of ids, so that two senders wait for each other instead of deadlocking.
    let mut of: BTreeMap<Uuid, (bool, bool, Option<DateTime<Utc>>)> = BTreeMap::new();
    for one in tried {
        let (well, gone, paused) = of.entry(one.webhook_id).or_default();
        *well |= one.failure.is_none();
        *gone |= one.status == Some(410);
        *paused = (*paused).max(one.asks_to_slow_down().map(|pause| now + pause));
    }
    diesel::sql_query(include_str!("settle_endpoints.sql"))
        .bind::<Array<SqlUuid>, _>(of.keys().copied().collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(of.values().map(|one| one.0).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(of.values().map(|one| one.1).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(of.values().map(|one| one.2).collect::<Vec<_>>())
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now - FAILING_MAX)
        .load(connection)
}

impl Tried {
    /// What comes of a message, and when it is tried next if it is.
    fn next(&self, now: DateTime<Utc>) -> (DeliveryState, DateTime<Utc>) {
        if self.failure.is_none() {
            return (DeliveryState::Delivered, now);
        }
        let tried = usize::try_from(self.attempts).unwrap_or(usize::MAX);
        match PAUSES.get(tried.saturating_sub(1)) {
            _ if self.status == Some(410) => (DeliveryState::Parked, now),
            None => (DeliveryState::Parked, now),
            Some(pause) => {
                let asked = self.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
                (DeliveryState::Waiting, now + jittered(*pause).max(asked))
            }
        }
    }

    /// For how long the receiver wants nothing, if it says so.
    fn asks_to_slow_down(&self) -> Option<TimeDelta> {
        matches!(self.status, Some(429 | 502 | 504))
            .then(|| self.retry_after.unwrap_or_default().clamp(PAUSE.0, PAUSE.1))
    }
}

/// A pause and up to a tenth more, so that what failed together doesn't come back together.
fn jittered(pause: TimeDelta) -> TimeDelta {
    pause + pause * rand::random_range(0..=100) / 1_000
}

/// A page of an endpoint's messages, the newest first.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    endpoint: Uuid,
    state: Option<DeliveryState>,
    after: Option<Uuid>,
    limit: Limit,
) -> QueryResult<Page<Delivery, Uuid>> {
    let mut query = deliveries::table.filter(deliveries::webhook_id.eq(endpoint)).into_boxed();
    if let Some(state) = state {
        query = query.filter(deliveries::state.eq(state));
    }
    if let Some(after) = after {
        query = query.filter(deliveries::id.lt(after));
    }
    let rows = query
        .order(deliveries::id.desc())
        .limit(limit.with_lookahead())
        .select(Delivery::as_select())
        .load(connection)?;
    Ok(Page::from_lookahead(rows, limit, |delivery| delivery.id))
}

/// Which messages to send again.
#[derive(Debug, Clone, Copy)]
pub enum Again {
    /// One.
    One(Uuid),
    /// All since then, of one state if it is given.
    Since(DateTime<Utc>, Option<DeliveryState>),
}

/// Sends messages of an endpoint again, on the schedule from its beginning; how many.
///
/// # Errors
/// The database's.
pub fn replay(
    connection: &mut PgConnection,
    endpoint: Uuid,
    which: Again,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let again = (
        deliveries::state.eq(DeliveryState::Waiting),
        deliveries::due_at.eq(now),
        deliveries::attempts.eq(0),
    );
    let of = deliveries::webhook_id.eq(endpoint);
    match which {
        Again::One(id) => {
            diesel::update(deliveries::table.find(id).filter(of)).set(again).execute(connection)
        }
        Again::Since(since, None) => {
            let found = of.and(deliveries::created_at.ge(since));
            diesel::update(deliveries::table.filter(found)).set(again).execute(connection)
        }
        Again::Since(since, Some(state)) => {
            let found = of.and(deliveries::created_at.ge(since)).and(deliveries::state.eq(state));
            diesel::update(deliveries::table.filter(found)).set(again).execute(connection)
        }
    }
}

/// Removes messages older than [`KEPT`]; how many.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, at: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(deliveries::table.filter(deliveries::created_at.lt(at - KEPT))).execute(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(attempts: i32, status: u16, retry_after: i64) -> Tried {
        Tried {
            id: Uuid::nil(),
            webhook_id: Uuid::nil(),
            attempts,
            status: Some(status),
            failure: (!(200..300).contains(&status)).then_some("status"),
            retry_after: Some(TimeDelta::seconds(retry_after)),
        }
    }

    #[test]
    fn the_schedule_is_the_published_one_with_up_to_a_tenth_more() {
        let now = DateTime::UNIX_EPOCH;
        let seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (attempts, pause) in (1..).zip(seconds) {
            let (state, due) = tried(attempts, 500, 0).next(now);
            assert_eq!(state, DeliveryState::Waiting);
            let waits = due - now;
            assert!(waits >= TimeDelta::seconds(pause), "{attempts}: {waits}");
            assert!(waits <= TimeDelta::milliseconds(pause * 1_100), "{attempts}: {waits}");
        }
        assert_eq!(tried(10, 500, 0).next(now), (DeliveryState::Parked, now));
    }

    #[test]
    fn a_receiver_may_put_off_but_not_for_ever() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(tried(1, 429, 120).next(now).1, now + TimeDelta::seconds(120));
        assert_eq!(tried(1, 429, 10_000_000).next(now).1, now + RETRY_AFTER_MAX);
        assert_eq!(tried(1, 429, 0).asks_to_slow_down(), Some(PAUSE.0));
        assert_eq!(tried(1, 502, 10_000_000).asks_to_slow_down(), Some(PAUSE.1));
        assert_eq!(tried(1, 500, 60).asks_to_slow_down(), None);
        assert_eq!(tried(1, 410, 0).next(now), (DeliveryState::Parked, now));
        assert_eq!(tried(1, 204, 0).next(now), (DeliveryState::Delivered, now));
    }
}
