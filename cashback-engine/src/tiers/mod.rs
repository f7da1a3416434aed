//! Tiers (bronze, silver, gold, or any set): settings of two people, raised at once by the purchase that reaches one,
//! lowered at the period's end by the nightly job.
//!
//! money.md names tiers only; this is what is built. A period is a stretch of whole months by the local date of
//! purchases: calendar blocks, or the present month and those before it (which ends with every month). What the ended
//! period earned is held through the next one; what the present one reaches counts at once. A refund lowers the sum it
//! counts towards at once, the tier itself at the period's end. The purchase that reaches a tier is still judged by the
//! tier before.

pub(crate) mod progress;
pub mod terms;

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Text, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;

pub use terms::{Measure, Period, Progress, Span, Tier, TierTerms};

use crate::days::date_in;
use crate::error::EngineError;
use crate::rules::BookCache;
use crate::rules::book::{Actor, touch};
use crate::schema::ledger::{balances, programme, tier_settings};
use crate::statement::statement;

/// How many members one call of [`lower`] changes at most.
pub const MEMBERS_MAX: i64 = 20_000;

/// Settings in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// From 1.
    pub version: i32,
    /// The tiers.
    pub terms: TierTerms,
    /// Who drafted it.
    pub drafted_by: Uuid,
    /// When.
    pub drafted_at: DateTime<Utc>,
    /// Who approved it; from then on it is in force.
    pub approved_by: Option<Uuid>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
}

type Row = (i32, serde_json::Value, Uuid, DateTime<Utc>, Option<Uuid>, Option<DateTime<Utc>>);

/// Terms that can't be read are an error of the row: nothing is judged by them.
fn settings(row: Row) -> QueryResult<Settings> {
    let (version, terms, drafted_by, drafted_at, approved_by, approved_at) = row;
    let terms = serde_json::from_value(terms)
        .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))?;
    Ok(Settings { version, terms, drafted_by, drafted_at, approved_by, approved_at })
}

fn latest(connection: &mut PgConnection, approved: bool) -> QueryResult<Option<Settings>> {
    let mut query = tier_settings::table
        .order(tier_settings::version.desc())
        .select((
            tier_settings::version,
            tier_settings::terms,
            tier_settings::drafted_by,
            tier_settings::drafted_at,
            tier_settings::approved_by,
            tier_settings::approved_at,
        ))
        .into_boxed();
    if approved {
        query = query.filter(tier_settings::approved_at.is_not_null());
    }
    query.first::<Row>(connection).optional()?.map(settings).transpose()
}

/// The settings in force; `None` before the first were approved.
///
/// # Errors
/// The database's.
pub fn in_force(connection: &mut PgConnection) -> QueryResult<Option<Settings>> {
    latest(connection, true)
}

/// The latest draft that nobody has approved yet.
///
/// # Errors
/// The database's.
pub fn drafted(connection: &mut PgConnection) -> QueryResult<Option<Settings>> {
    Ok(latest(connection, false)?.filter(|settings| settings.approved_at.is_none()))
}

/// The latest version, approved or not: the one that can be approved, or has been.
///
/// # Errors
/// The database's.
pub fn latest_version(connection: &mut PgConnection) -> QueryResult<Option<i32>> {
    tier_settings::table.select(diesel::dsl::max(tier_settings::version)).first(connection)
}

/// The tiers purchases are judged by: none where none are set.
pub(crate) fn judging(connection: &mut PgConnection) -> QueryResult<Option<TierTerms>> {
    Ok(in_force(connection)?.map(|settings| settings.terms).filter(|terms| !terms.tiers.is_empty()))
}

/// Drafts settings; a draft before it that nobody approved is overtaken.
///
/// # Errors
/// Every wrong field.
pub fn draft(
    connection: &mut PgConnection,
    terms: &TierTerms,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<Settings, EngineError> {
    terms.check().map_err(EngineError::Invalid)?;
    connection.transaction(|connection| {
        // One draft at a time: the programme's row orders those who draft.
        programme::table.select(programme::one).for_no_key_update().first::<bool>(connection)?;
        let version = latest(connection, false)?.map_or(1, |last| last.version + 1);
        let json = serde_json::to_value(terms).expect("terms hold text and amounts only");
        diesel::insert_into(tier_settings::table)
            .values((
                tier_settings::version.eq(version),
                tier_settings::terms.eq(&json),
                tier_settings::drafted_by.eq(by),
                tier_settings::drafted_at.eq(now),
            ))
            .execute(connection)?;
        Ok(settings((version, json, by, now, None, None))?)
    })
}

/// Approves the latest draft: it is in force from now on; the next nightly job gives everybody the tier it deserves.
///
/// # Errors
/// [`EngineError::Unknown`] for a version that is not the latest draft, [`EngineError::SamePerson`].
pub fn approve(
    connection: &mut PgConnection,
    version: i32,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<Settings, EngineError> {
    connection.transaction(|connection| {
        let draft = latest(connection, false)?
            .filter(|draft| draft.version == version)
            .ok_or(EngineError::Unknown("the draft"))?;
        if draft.approved_at.is_some() {
            return Err(EngineError::State("these tiers are in force already"));
        }
        if draft.drafted_by == by {
            return Err(EngineError::SamePerson);
        }
        progress::rebuild(connection)?;
        if draft.terms.tiers.is_empty() {
            diesel::update(balances::table.filter(balances::tier.is_not_null()))
                .set(balances::tier.eq(None::<String>))
                .execute(connection)?;
        }
        diesel::update(tier_settings::table.find(version))
            .set((tier_settings::approved_by.eq(by), tier_settings::approved_at.eq(now)))
            .execute(connection)?;
        diesel::update(programme::table)
            .set(programme::tiers_lowered_for.eq(None::<NaiveDate>))
            .execute(connection)?;
        touch(connection)?;
        Ok(Settings { approved_by: Some(by), approved_at: Some(now), ..draft })
    })
}

/// A member's tier, and the way to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberTier {
    /// The tier held.
    pub tier: Option<String>,
    /// What is measured.
    pub measure: Measure,
    /// What the present period has so far.
    pub reached: Money,
    /// The next tier and what is missing to it in the present period.
    pub next: Option<(String, Money)>,
    /// The last day before tiers are lowered next.
    pub until: NaiveDate,
}

/// A member's tier; `None` where no tiers are set.
///
/// # Errors
/// The database's.
pub fn of_member(
    connection: &mut PgConnection,
    books: &BookCache,
    member: MemberId,
    now: DateTime<Utc>,
) -> QueryResult<Option<MemberTier>> {
    let book = books.current(connection)?;
    let Some(terms) = &book.tiers else { return Ok(None) };
    let today = date_in(book.zone, now);
    let stored: Option<Option<String>> =
        balances::table.find(member).select(balances::tier).first(connection).optional()?;
    let progress = progress::read(connection, terms, &HashSet::from([member]), today)?;
    let progress = progress.get(&member).copied().unwrap_or_default();
    let held = terms.held(stored.flatten().as_deref());
    Ok(Some(MemberTier {
        tier: held.map(str::to_owned),
        measure: terms.measure,
        reached: progress.current,
        next: terms.next(held, progress).map(|(tier, missing)| (tier.name.clone(), missing)),
        until: terms.until(today),
    }))
}

statement! {
    /// Members whose tier is another than they deserve.
    Undeserved {
        by_cashback: bool => Bool, first: NaiveDate => Date, last: NaiveDate => Date,
        by_cashback_too: bool => Bool, ended_first: NaiveDate => Date, ended_last: NaiveDate => Date,
        from: NaiveDate => Date, members: Option<Vec<MemberId>> => diesel::sql_types::Nullable<Array<SqlUuid>>,
        names: Vec<String> => Array<Text>, froms: Vec<i64> => Array<BigInt>, limit: i64 => BigInt,
    } -> (SqlUuid, diesel::sql_types::Nullable<Text>),
    "WITH sums AS (
        SELECT member_id, greatest(
            coalesce(sum(CASE WHEN ? THEN cashback ELSE purchases END) FILTER (WHERE month BETWEEN ? AND ?), 0),
            coalesce(sum(CASE WHEN ? THEN cashback ELSE purchases END) FILTER (WHERE month BETWEEN ? AND ?), 0))
            AS reached
        FROM ledger.tier_progress WHERE month >= ? GROUP BY member_id
     ), asked AS (SELECT ?::uuid[] AS members), tiers AS (SELECT * FROM unnest(?, ?) AS t (name, reached_from))
     SELECT b.member_id, d.name
     FROM ledger.balances AS b LEFT JOIN sums AS s USING (member_id)
     LEFT JOIN LATERAL (SELECT name FROM tiers WHERE reached_from <= coalesce(s.reached, 0)
        ORDER BY reached_from DESC LIMIT 1) AS d ON true
     WHERE b.standing <> 'merged' AND b.tier IS DISTINCT FROM d.name
        AND ((SELECT members FROM asked) IS NULL OR b.member_id = ANY((SELECT members FROM asked)::uuid[]))
     ORDER BY b.member_id LIMIT ?"
}

statement! {
    /// Locks members in order.
    LockMembers { members: Vec<MemberId> => Array<SqlUuid> } -> SqlUuid,
    "SELECT member_id FROM ledger.balances WHERE member_id = ANY(?) ORDER BY member_id FOR NO KEY UPDATE"
}

statement! {
    /// Gives members the tiers they deserve.
    GiveTiers {
        members: Vec<MemberId> => Array<SqlUuid>,
        tiers: Vec<Option<String>> => Array<diesel::sql_types::Nullable<Text>>,
    },
    "UPDATE ledger.balances AS b SET tier = n.tier FROM unnest(?, ?) AS n (member_id, tier)
     WHERE b.member_id = n.member_id"
}

/// Gives members the tier they deserve once a period has ended: what it earned them is held through the next one. How
/// many were changed; call it until 0. Nothing within a period.
///
/// # Errors
/// The database's.
pub fn lower(connection: &mut PgConnection, books: &BookCache, at: DateTime<Utc>) -> QueryResult<i64> {
    let book = books.current(connection)?;
    let Some(terms) = &book.tiers else { return Ok(0) };
    let today = date_in(book.zone, at);
    let begun = terms.begun(today);
    let done: Option<NaiveDate> = programme::table.select(programme::tiers_lowered_for).first(connection)?;
    if done.is_some_and(|done| done >= begun) {
        return Ok(0);
    }
    let members: Vec<MemberId> =
        undeserved(connection, terms, today, None)?.into_iter().map(|(member, _)| member).collect();
    if members.is_empty() {
        diesel::update(programme::table).set(programme::tiers_lowered_for.eq(begun)).execute(connection)?;
        return Ok(0);
    }
    LockMembers { members: members.clone() }.load::<MemberId>(connection)?;
    // Looked at once more under their locks: a purchase may have raised one meanwhile.
    let (members, tiers): (Vec<_>, Vec<_>) =
        undeserved(connection, terms, today, Some(members))?.into_iter().unzip();
    let changed = GiveTiers { members, tiers }.execute(connection)?;
    Ok(i64::try_from(changed).unwrap_or(i64::MAX).max(1))
}

fn undeserved(
    connection: &mut PgConnection,
    terms: &TierTerms,
    today: NaiveDate,
    members: Option<Vec<MemberId>>,
) -> QueryResult<Vec<(MemberId, Option<String>)>> {
    let (current, ended) = (terms.current(today), terms.ended(today));
    let by_cashback = terms.measure == Measure::Cashback;
    Undeserved {
        by_cashback,
        first: current.first,
        last: current.last,
        by_cashback_too: by_cashback,
        ended_first: ended.first,
        ended_last: ended.last,
        from: ended.first.min(current.first),
        members,
        names: terms.tiers.iter().map(|tier| tier.name.clone()).collect(),
        froms: terms.tiers.iter().map(|tier| tier.from.kopecks()).collect(),
        limit: MEMBERS_MAX,
    }
    .load(connection)
}
