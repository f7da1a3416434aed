//! How claims end, but for approval and arrival, which posting does: declined, assigned an outlet, ended by themselves.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::outbox::{self, Event};

use super::arrivals::{count_all_in_play, count_in_play};
use super::file::{decided, timely};
use super::place::Unmatched;
use super::{Claim, ClaimId, ClaimReason, ClaimStatus, IN_PLAY_DAYS, WORDS_MAX};
use crate::balances::lock_members;
use crate::error::{EngineError, Invalid};
use crate::ids::PurchaseId;
use crate::partners::Outlet;
use crate::rules::BookCache;
use crate::schema::ledger::claims;

/// How many claims one call of the nightly job ends at most.
const ENDED_MAX: i64 = 1_000;

/// Locks the claim's member first, then the claim, as posting does.
fn locked(connection: &mut PgConnection, claim: &Claim) -> QueryResult<Claim> {
    lock_members(connection, vec![claim.member])?;
    claims::table.find(claim.id).select(Claim::as_select()).for_no_key_update().first(connection)
}

/// Declines an open claim, with words for the member. Declining what is declined answers it as it is.
///
/// # Errors
/// [`EngineError::State`] when it has ended otherwise; wrong words.
pub fn decline(
    connection: &mut PgConnection,
    claim: &Claim,
    (reason, words): (ClaimReason, &str),
    by: Uuid,
    now: DateTime<Utc>,
) -> Result<Claim, EngineError> {
    let words = words.trim();
    if words.is_empty() || words.chars().count() > WORDS_MAX || words.chars().any(char::is_control) {
        return Err(EngineError::Invalid(vec![Invalid::new(
            "/reason",
            "must have 1 to 300 characters, for the member to read",
        )]));
    }
    let claim = locked(connection, claim)?;
    match claim.status {
        ClaimStatus::Unmatched | ClaimStatus::Waiting => {}
        ClaimStatus::Declined => return Ok(claim),
        _ => return Err(EngineError::State("the claim has ended")),
    }
    end(connection, &claim, (ClaimStatus::Declined, reason), (Some(words), Some(by)), now)
}

/// Ends an open claim whose posting was refused for good.
///
/// # Errors
/// The database's.
pub fn ended_with(
    connection: &mut PgConnection,
    claim: &Claim,
    reason: ClaimReason,
    by: Uuid,
    now: DateTime<Utc>,
) -> Result<Claim, EngineError> {
    let claim = locked(connection, claim)?;
    if !claim.status.is_open() {
        return Ok(claim);
    }
    end(connection, &claim, (ClaimStatus::Declined, reason), (None, Some(by)), now)
}

fn end(
    connection: &mut PgConnection,
    claim: &Claim,
    (status, reason): (ClaimStatus, ClaimReason),
    (words, by): (Option<&str>, Option<Uuid>),
    now: DateTime<Utc>,
) -> Result<Claim, EngineError> {
    let ended = diesel::update(claims::table.find(claim.id))
        .set((
            claims::status.eq(status),
            claims::reason.eq(reason),
            claims::words.eq(words),
            claims::in_play.eq(false),
            claims::decided_at.eq(now),
            claims::decided_by.eq(by),
        ))
        .returning(Claim::as_returning())
        .get_result(connection)?;
    count_in_play(connection, claim.member)?;
    outbox::append(connection, &[decided((claim.id, claim.member), status, (reason, None), now)])?;
    Ok(ended)
}

/// Gives an unmatched claim an outlet by hand; the partner is to decide from then on, unless the sale is there already.
///
/// # Errors
/// [`EngineError::State`] unless it is unmatched; an unknown outlet, or one in whose zone the receipt is too old or lies
/// ahead.
pub fn assign(
    connection: &mut PgConnection,
    books: &BookCache,
    claim: &Claim,
    outlet: &str,
    now: DateTime<Utc>,
) -> Result<Claim, EngineError> {
    let book = books.current(connection)?;
    let outlet = book
        .outlet(outlet)
        .ok_or_else(|| EngineError::Invalid(vec![Invalid::new("/outlet", "is no outlet")]))?
        .clone();
    let unmatched = Unmatched::lock(connection, std::slice::from_ref(claim))?;
    if let Err(error) = may_assign(&unmatched, &outlet) {
        unmatched.leave(connection)?;
        return Err(error);
    }
    let placed = unmatched.place(connection, (&book, &outlet), now)?;
    placed.into_iter().next().ok_or(EngineError::Unknown("the claim"))
}

fn may_assign(unmatched: &Unmatched, outlet: &Outlet) -> Result<(), EngineError> {
    let Some(claim) = unmatched.claims.first() else {
        return Err(EngineError::State("the claim has its outlet, or has ended"));
    };
    // It was young enough when it was filed.
    timely(Some(outlet), claim.local_time, claim.filed_at).map_err(|_| {
        EngineError::Invalid(vec![Invalid::new(
            "/outlet",
            "the receipt is too old or lies ahead by the time of this outlet",
        )])
    })
}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = SqlUuid)]
    id: ClaimId,
    #[diesel(sql_type = SqlUuid)]
    member_id: MemberId,
    #[diesel(sql_type = Text)]
    status: ClaimStatus,
    #[diesel(sql_type = Text)]
    reason: ClaimReason,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    purchase_id: Option<PurchaseId>,
}

/// Ends claims that nobody decided in time, and those whose receipt was credited meanwhile; and stops looking out for the
/// purchases of long-approved ones. How many; call until 0.
///
/// # Errors
/// The database's.
pub fn end_due(
    connection: &mut PgConnection,
    books: &BookCache,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let book = books.current(connection)?;
    let silent = at - TimeDelta::days(i64::from(book.claim_days));
    let forgotten = at - TimeDelta::days(IN_PLAY_DAYS);
    let due: Vec<(ClaimId, MemberId)> = claims::table
        .filter(claims::in_play)
        .filter(
            claims::status
                .eq_any([ClaimStatus::Unmatched, ClaimStatus::Waiting])
                .and(
                    claims::filed_at.le(silent).or(diesel::dsl::exists(
                        crate::schema::ledger::fiscal_receipts::table.filter(
                            crate::schema::ledger::fiscal_receipts::drive
                                .eq(claims::drive)
                                .and(crate::schema::ledger::fiscal_receipts::document.eq(claims::document)),
                        ),
                    )),
                )
                .or(claims::status.eq(ClaimStatus::Approved).and(claims::filed_at.le(forgotten))),
        )
        .order(claims::member_id)
        .limit(ENDED_MAX)
        .select((claims::id, claims::member_id))
        .load(connection)?;
    if due.is_empty() {
        return Ok(0);
    }
    let (ids, members): (Vec<ClaimId>, Vec<MemberId>) = due.into_iter().unzip();
    lock_members(connection, members.clone())?;
    let ended: Vec<Ended> = diesel::sql_query(include_str!("end_due.sql"))
        .bind::<Array<SqlUuid>, _>(&ids)
        .bind::<Timestamptz, _>(silent)
        .bind::<Timestamptz, _>(forgotten)
        .bind::<Timestamptz, _>(now)
        .load(connection)?;
    count_all_in_play(connection, &members)?;
    let events: Vec<Event> = ended
        .iter()
        .filter(|one| one.status != ClaimStatus::Approved)
        .map(|one| decided((one.id, one.member_id), one.status, (one.reason, one.purchase_id), now))
        .collect();
    outbox::append(connection, &events)?;
    Ok(i64::try_from(ended.len()).unwrap_or(i64::MAX))
}
