//! Rules in the database: drafted by one person, approved by another, never changed afterwards. How they stand is
//! [`super::listing`]'s to tell.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;

use super::book::{Actor, funding_account, touch};
use super::draft::RuleDraft;
use super::listing::{RuleVersion, one};
use super::terms::{Caps, Funder, Terms};
use super::usage;
use crate::error::{EngineError, Invalid};
use crate::ids::{Mint, PartnerId, RuleId};
use crate::partners;
use crate::schema::ledger::{outlets, rule_versions, rules};

/// A version with its rule, as stored.
#[derive(Debug, Queryable)]
pub(crate) struct VersionRow {
    pub rule_id: RuleId,
    pub version: i32,
    pub terms: serde_json::Value,
    pub drafted_by: Uuid,
    pub approved_at: Option<DateTime<Utc>>,
    pub number: i64,
    pub partner_id: PartnerId,
    pub ended_at: Option<DateTime<Utc>>,
}

type VersionColumns = (
    rule_versions::rule_id,
    rule_versions::version,
    rule_versions::terms,
    rule_versions::drafted_by,
    rule_versions::approved_at,
    rules::number,
    rules::partner_id,
    rules::ended_at,
);
const COLUMNS: VersionColumns = (
    rule_versions::rule_id,
    rule_versions::version,
    rule_versions::terms,
    rule_versions::drafted_by,
    rule_versions::approved_at,
    rules::number,
    rules::partner_id,
    rules::ended_at,
);

pub(crate) fn approved(connection: &mut PgConnection) -> QueryResult<Vec<VersionRow>> {
    rule_versions::table
        .inner_join(rules::table)
        .filter(rule_versions::approved_at.is_not_null())
        .order((rules::number, rule_versions::version))
        .select(COLUMNS)
        .load(connection)
}

/// Drafts a rule's first version.
///
/// # Errors
/// Every wrong field.
pub fn create(
    connection: &mut PgConnection,
    draft: &RuleDraft,
    drafted_by: Actor,
    now: DateTime<Utc>,
) -> Result<RuleVersion, EngineError> {
    connection.transaction(|connection| {
        let (partner, terms) = checked(connection, draft)?;
        let id = RuleId(Mint::at(now).next());
        diesel::insert_into(rules::table)
            .values((rules::id.eq(id), rules::partner_id.eq(partner), rules::created_at.eq(now)))
            .execute(connection)?;
        add_version(connection, id, 1, &terms, (drafted_by, now))?;
        one(connection, id, 1, now)
    })
}

/// Drafts a further version of a rule; the partner stays.
///
/// # Errors
/// Every wrong field; a rule that is unknown or ended.
pub fn add(
    connection: &mut PgConnection,
    rule: RuleId,
    draft: &RuleDraft,
    drafted_by: Actor,
    now: DateTime<Utc>,
) -> Result<RuleVersion, EngineError> {
    connection.transaction(|connection| {
        let (partner, terms) = checked(connection, draft)?;
        let (owner, ended): (PartnerId, Option<DateTime<Utc>>) = locked(connection, rule)?;
        if owner != partner {
            return Err(EngineError::Invalid(vec![Invalid::new(
                "/partner",
                "a rule's partner can't change",
            )]));
        }
        if ended.is_some() {
            return Err(EngineError::State("the rule has ended"));
        }
        let latest: Option<i32> = rule_versions::table
            .filter(rule_versions::rule_id.eq(rule))
            .select(diesel::dsl::max(rule_versions::version))
            .first(connection)?;
        let version = latest.unwrap_or(0) + 1;
        add_version(connection, rule, version, &terms, (drafted_by, now))?;
        one(connection, rule, version, now)
    })
}

/// Approves a draft: from now on it is in force within its dates. The version before goes on until its first day.
///
/// # Errors
/// [`EngineError::SamePerson`] for its drafter; a version that is unknown, approved already, or older than an
/// approved one.
pub fn approve(
    connection: &mut PgConnection,
    rule: RuleId,
    version: i32,
    approved_by: Actor,
    now: DateTime<Utc>,
) -> Result<RuleVersion, EngineError> {
    connection.transaction(|connection| {
        let (_, ended) = locked(connection, rule)?;
        let row = row(connection, rule, version)?;
        if ended.is_some() || row.approved_at.is_some() {
            return Err(EngineError::State("the version is approved already, or the rule has ended"));
        }
        let newer: i64 = rule_versions::table
            .filter(rule_versions::rule_id.eq(rule).and(rule_versions::version.gt(version)))
            .filter(rule_versions::approved_at.is_not_null())
            .count()
            .get_result(connection)?;
        if newer > 0 {
            return Err(EngineError::State("a later version is approved already"));
        }
        if row.drafted_by == approved_by {
            return Err(EngineError::SamePerson);
        }
        diesel::update(rule_versions::table.find((rule, version)))
            .set((rule_versions::approved_by.eq(approved_by), rule_versions::approved_at.eq(now)))
            .execute(connection)?;
        let before: Vec<serde_json::Value> = rule_versions::table
            .filter(rule_versions::rule_id.eq(rule).and(rule_versions::version.lt(version)))
            .filter(rule_versions::approved_at.is_not_null())
            .select(rule_versions::terms)
            .load(connection)?;
        let before = before.into_iter().map(caps_of).collect::<QueryResult<Vec<Caps>>>()?;
        usage::start(connection, rule, &caps_of(row.terms)?, &before)?;
        touch(connection)?;
        one(connection, rule, version, now)
    })
}

fn caps_of(terms: serde_json::Value) -> QueryResult<Caps> {
    let terms: Terms = serde_json::from_value(terms)
        .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))?;
    Ok(terms.caps)
}

/// Ends a rule: purchases from now on are not judged by it.
///
/// # Errors
/// A rule that is unknown or has ended.
pub fn end(
    connection: &mut PgConnection,
    rule: RuleId,
    ended_by: Actor,
    now: DateTime<Utc>,
) -> Result<RuleVersion, EngineError> {
    connection.transaction(|connection| {
        let (_, ended) = locked(connection, rule)?;
        if ended.is_some() {
            return Err(EngineError::State("the rule has ended"));
        }
        diesel::update(rules::table.find(rule))
            .set((rules::ended_at.eq(now), rules::ended_by.eq(ended_by)))
            .execute(connection)?;
        touch(connection)?;
        let latest: Option<i32> = rule_versions::table
            .filter(rule_versions::rule_id.eq(rule))
            .select(diesel::dsl::max(rule_versions::version))
            .first(connection)?;
        one(connection, rule, latest.unwrap_or(1), now)
    })
}

fn row(connection: &mut PgConnection, rule: RuleId, version: i32) -> Result<VersionRow, EngineError> {
    rule_versions::table
        .inner_join(rules::table)
        .filter(rule_versions::rule_id.eq(rule).and(rule_versions::version.eq(version)))
        .select(COLUMNS)
        .first(connection)
        .optional()?
        .ok_or(EngineError::Unknown("the rule's version"))
}

fn locked(
    connection: &mut PgConnection,
    rule: RuleId,
) -> Result<(PartnerId, Option<DateTime<Utc>>), EngineError> {
    rules::table
        .find(rule)
        .select((rules::partner_id, rules::ended_at))
        .for_update()
        .first(connection)
        .optional()?
        .ok_or(EngineError::Unknown("the rule"))
}

fn add_version(
    connection: &mut PgConnection,
    rule: RuleId,
    version: i32,
    terms: &Terms,
    (drafted_by, now): (Actor, DateTime<Utc>),
) -> Result<(), EngineError> {
    for share in &terms.funding {
        if let Funder::Organisation(code) = &share.by {
            funding_account(connection, code)?;
        }
    }
    let json = serde_json::to_value(terms).expect("terms hold text, numbers and lists only");
    diesel::insert_into(rule_versions::table)
        .values((
            rule_versions::rule_id.eq(rule),
            rule_versions::version.eq(version),
            rule_versions::terms.eq(json),
            rule_versions::drafted_by.eq(drafted_by),
            rule_versions::drafted_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// The draft's own checks, and those that need the database: its partner, and that the outlets are the partner's.
pub(crate) fn checked(
    connection: &mut PgConnection,
    draft: &RuleDraft,
) -> Result<(PartnerId, Terms), EngineError> {
    let terms = draft.check().map_err(EngineError::Invalid)?;
    let Some(partner) = partners::find(connection, &draft.partner)? else {
        return Err(EngineError::Invalid(vec![Invalid::new("/partner", "is no partner's code")]));
    };
    let own: Vec<String> =
        outlets::table.filter(outlets::partner_id.eq(partner.id)).select(outlets::code).load(connection)?;
    let foreign: Vec<Invalid> = terms
        .when
        .outlets
        .iter()
        .enumerate()
        .filter(|(_, code)| !own.contains(code))
        .map(|(at, _)| Invalid::new(format!("/when/outlets/{at}"), "is none of the partner's outlets"))
        .collect();
    if foreign.is_empty() { Ok((partner.id, terms)) } else { Err(EngineError::Invalid(foreign)) }
}
