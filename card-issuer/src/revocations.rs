//! What tills without network must refuse although its proof hasn't run out: a feed they keep up with. Numbers are told
//! as digests, so that the feed is no list of numbers; it reaches as far back as any proof can live.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use shared_kernel::advisory;
use shared_kernel::ids::MemberId;

use crate::CardError;
use crate::life::CardStatus;
use crate::number::CardNumber;
use crate::proof;
use crate::schema::cards::{cards, revocations};

/// Bytes of a number's digest.
pub const DIGEST_BYTES: usize = 12;
/// What is hashed before the sixteen digits.
pub const CONTEXT: &[u8] = b"unioncard revocation 1\0";
/// Longer than any proof lives, and an hour for clocks that are off.
const KEPT_HOURS: i64 = 25;
/// The key of the lock under which lines are written, so that they become visible in order: "revoked" in ASCII.
const FEED_LOCK: i64 = 0x0072_6576_6f6b_6564;

/// A line of the feed.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = revocations)]
pub struct Revocation {
    /// Its place.
    pub id: i64,
    /// The card number's digest.
    pub card: Vec<u8>,
    /// Whether proofs of this card are refused from now on, or taken again.
    pub revoked: bool,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// The first twelve bytes of SHA-256 over [`CONTEXT`] and the sixteen digits.
pub fn digest(number: CardNumber) -> Vec<u8> {
    let hash = Sha256::new().chain_update(CONTEXT).chain_update(number.as_str()).finalize();
    hash.iter().copied().take(DIGEST_BYTES).collect()
}

/// Appends lines in the caller's transaction.
pub(crate) fn append(
    connection: &mut PgConnection,
    numbers: &[CardNumber],
    revoked: bool,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    advisory::lock_in_transaction(connection, FEED_LOCK)?;
    for chunk in numbers.chunks(1_000) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|number| {
                (
                    revocations::card.eq(digest(*number)),
                    revocations::revoked.eq(revoked),
                    revocations::at.eq(now),
                )
            })
            .collect();
        diesel::insert_into(revocations::table).values(rows).execute(connection)?;
    }
    Ok(())
}

/// Tells tills of a member whose cards are good no more (suspended) or again, though the cards themselves are unchanged.
///
/// # Errors
/// The database's.
pub fn of_member(
    connection: &mut PgConnection,
    member: MemberId,
    revoked: bool,
    now: DateTime<Utc>,
) -> Result<(), CardError> {
    let numbers: Vec<CardNumber> = cards::table
        .filter(cards::member_id.eq(member))
        .filter(cards::status.eq_any(CardStatus::LIVING))
        .order(cards::id)
        .select(cards::number)
        .load(connection)?;
    Ok(append(connection, &numbers, revoked, now)?)
}

/// Lines after a place, or all that can still matter; and the place to go on from next time.
///
/// # Errors
/// The database's.
pub fn after(
    connection: &mut PgConnection,
    place: Option<i64>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<(Vec<Revocation>, i64), CardError> {
    let oldest = now - TimeDelta::hours(KEPT_HOURS);
    let lines: Vec<Revocation> = revocations::table
        .filter(revocations::id.gt(place.unwrap_or_default()))
        .filter(revocations::at.ge(oldest))
        .order(revocations::id)
        .limit(limit)
        .select(Revocation::as_select())
        .load(connection)?;
    let last = lines.last().map(|line| line.id).or(place).unwrap_or_default();
    Ok((lines, last))
}

/// Removes lines that no living proof needs; the number removed.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<usize, CardError> {
    let oldest = now - TimeDelta::hours(2 * KEPT_HOURS);
    Ok(diesel::delete(revocations::table.filter(revocations::at.lt(oldest))).execute(connection)?)
}

const _: () = assert!(KEPT_HOURS > proof::LIFE_MAX.num_hours(), "the feed outlives every proof");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_any_till_can_make() {
        let number = CardNumber::parse("9643000000000004").unwrap();
        let whole = Sha256::digest(b"unioncard revocation 1\09643000000000004");
        assert_eq!(digest(number), whole[..12]);
    }
}
