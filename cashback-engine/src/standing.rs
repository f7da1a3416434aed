//! A member's account as finance sees it: standing, tier, balances, and freezing them.

use chrono::{DateTime, Days, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde_json::json;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::outbox::{self, Event};

use crate::balances::{self, MemberBalance};
use crate::days::date_in;
use crate::enrolments::Standing;
use crate::error::EngineError;
use crate::lots::DAYS_AFTER_HOLD;
use crate::rules::BookCache;
use crate::rules::book::Actor;
use crate::schema::ledger::{balances as rows, freezes, lots, merged};

/// Why and since when somebody is frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Finance's words.
    pub reason: String,
    /// Who did it.
    pub by: Uuid,
    /// When.
    pub at: DateTime<Utc>,
}

/// A member's account.
#[derive(Debug, Clone)]
pub struct MemberAccount {
    /// The member.
    pub member: MemberId,
    /// `None` for one who never took part.
    pub standing: Option<Standing>,
    /// The tier as stored.
    pub tier: Option<String>,
    /// The balances.
    pub balance: MemberBalance,
    /// Why it is frozen, if it is.
    pub freeze: Option<Freeze>,
    /// The member in whose account this one's money is now.
    pub merged_into: Option<MemberId>,
}

/// A member's account as of now.
///
/// # Errors
/// The database's.
pub fn account(
    connection: &mut PgConnection,
    books: &BookCache,
    member: MemberId,
    now: DateTime<Utc>,
) -> QueryResult<MemberAccount> {
    let row: Option<(Standing, Option<String>)> =
        rows::table.find(member).select((rows::standing, rows::tier)).first(connection).optional()?;
    let freeze: Option<(String, Uuid, DateTime<Utc>)> = freezes::table
        .filter(freezes::member_id.eq(member).and(freezes::ended_at.is_null()))
        .select((freezes::reason, freezes::frozen_by, freezes::frozen_at))
        .first(connection)
        .optional()?;
    let merged_into = merged::table.find(member).select(merged::into_id).first(connection).optional()?;
    let balance = balances::balance(connection, books, member, now)?;
    let (standing, tier) = row.unzip();
    Ok(MemberAccount {
        member,
        standing,
        tier: tier.flatten(),
        balance,
        freeze: freeze.map(|(reason, by, at)| Freeze { reason, by, at }),
        merged_into,
    })
}

/// Freezes a member: earns, doesn't spend or withdraw, nothing expires.
///
/// # Errors
/// [`EngineError::State`] for one who never took part, is frozen or merged.
pub fn freeze(
    connection: &mut PgConnection,
    member: MemberId,
    reason: &str,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    let standing = locked(connection, member)?;
    if standing.is_frozen() {
        return Err(EngineError::State("the member is frozen"));
    }
    set(connection, member, standing.frozen(true))?;
    diesel::insert_into(freezes::table)
        .values((
            freezes::member_id.eq(member),
            freezes::reason.eq(reason),
            freezes::frozen_by.eq(by),
            freezes::frozen_at.eq(now),
        ))
        .execute(connection)?;
    outbox::append(connection, &[changed(member, now)])?;
    Ok(())
}

/// Ends a freeze. What went past its date meanwhile is given 30 more days, like what comes back from a hold.
///
/// # Errors
/// [`EngineError::State`] for one who isn't frozen.
pub fn unfreeze(
    connection: &mut PgConnection,
    books: &BookCache,
    (member, reason): (MemberId, &str),
    by: Actor,
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    let standing = locked(connection, member)?;
    if !standing.is_frozen() {
        return Err(EngineError::State("the member is not frozen"));
    }
    set(connection, member, standing.frozen(false))?;
    diesel::update(freezes::table)
        .filter(freezes::member_id.eq(member).and(freezes::ended_at.is_null()))
        .set((freezes::end_reason.eq(reason), freezes::ended_by.eq(by), freezes::ended_at.eq(now)))
        .execute(connection)?;
    let today = date_in(books.current(connection)?.zone, now);
    diesel::update(lots::table)
        .filter(lots::member_id.eq(member).and(lots::remaining.gt(0)).and(lots::expires_on.lt(today)))
        .set(lots::expires_on.eq(today.checked_add_days(Days::new(DAYS_AFTER_HOLD))))
        .execute(connection)?;
    outbox::append(connection, &[changed(member, now)])?;
    Ok(())
}

fn locked(connection: &mut PgConnection, member: MemberId) -> Result<Standing, EngineError> {
    let standing: Standing = rows::table
        .find(member)
        .select(rows::standing)
        .for_no_key_update()
        .first(connection)
        .optional()?
        .ok_or(EngineError::State("the member never took part in the programme"))?;
    if standing == Standing::Merged {
        return Err(EngineError::State("the member was merged into another"));
    }
    Ok(standing)
}

fn set(connection: &mut PgConnection, member: MemberId, standing: Standing) -> QueryResult<usize> {
    diesel::update(rows::table.find(member)).set(rows::standing.eq(standing)).execute(connection)
}

/// What the member's open page hears of: something about the balances is other than before.
pub(crate) fn changed(member: MemberId, now: DateTime<Utc>) -> Event {
    Event {
        kind: "balance.changed".to_owned(),
        member_id: Some(member),
        payload: json!({}),
        occurred_at: now,
    }
}
