//! Wallets to be told that a pass shows something else: put here with the change, taken by one sender at a time, removed
//! once told. They are told that something changed, never what: so one that waits serves every change until it is sent.
//!
//! As with letters, taking one moves its time ahead instead of holding a lock; what failed is tried on the schedule of
//! letters, then given up until the next change.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use shared_kernel::ids::CardId;
use shared_kernel::schema::platform::wallet_updates as updates;

use super::Provider;
use crate::delivery::queue as letters;

/// How long one that was taken is its sender's.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// An update taken for sending.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(table_name = updates)]
pub struct Taken {
    /// Its place in the queue.
    pub id: i64,
    /// The kind of wallet.
    pub provider: Provider,
    /// The pass.
    pub card_id: CardId,
    /// Which device, where devices are told one by one; else empty.
    pub device: String,
    /// The change it tells of.
    pub tag: i64,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Told.
    Done,
    /// That wallet holds the pass no more.
    Gone,
    /// Refused for good: given up until the next change. A word of ours says why.
    Refused(&'static str),
    /// May go well another time, after this pause at least.
    Later(&'static str, Option<TimeDelta>),
}

/// Takes updates that are due.
///
/// # Errors
/// The database's.
pub fn take(
    connection: &mut PgConnection,
    providers: &[Provider],
    limit: i64,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Taken>> {
    if providers.is_empty() {
        return Ok(Vec::new());
    }
    diesel::sql_query(
        "UPDATE platform.wallet_updates SET due_at = $2, attempts = attempts + 1
         WHERE id IN (SELECT id FROM platform.wallet_updates
            WHERE due_at <= $1 AND failed_at IS NULL AND provider = ANY($3)
            ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
         RETURNING id, provider, card_id, device, tag, attempts",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now + LEASE)
    .bind::<Array<Text>, _>(providers.iter().map(|one| one.as_str()).collect::<Vec<_>>())
    .bind::<BigInt, _>(limit)
    .load(connection)
}

/// Writes down how a try ended. A change that came meanwhile has made the update due anew, and stays so.
///
/// # Errors
/// The database's.
pub fn settle(
    connection: &mut PgConnection,
    taken: &Taken,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let same = updates::table.find(taken.id).filter(updates::tag.eq(taken.tag));
    let (failure, pause) = match outcome {
        Outcome::Done | Outcome::Gone => {
            diesel::delete(same).execute(connection)?;
            return Ok(());
        }
        Outcome::Refused(failure) => (failure, None),
        Outcome::Later(failure, asked) => {
            let pause = letters::pause_after(taken.attempts);
            (failure, pause.map(|pause| pause.max(asked.unwrap_or_default())))
        }
    };
    diesel::update(same)
        .set((
            updates::failure.eq(failure),
            updates::due_at.eq(now + pause.unwrap_or_default()),
            updates::failed_at.eq(pause.is_none().then_some(now)),
        ))
        .execute(connection)?;
    Ok(())
}
