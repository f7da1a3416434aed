//! Rules in the database: drafted by one person, approved by another, never changed afterwards.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;
use shared_kernel::paging::{Limit, Page};
use shared_kernel::text_enum;

use super::book::{Actor, funding_account, touch};
use super::draft::RuleDraft;
use super::terms::{Funder, Terms};
use super::usage;
use crate::days::date_in;
use crate::error::{EngineError, Invalid};
use crate::ids::{Mint, PartnerId, RuleId};
use crate::partners;
use crate::schema::ledger::{outlets, programme, rule_versions, rules};

text_enum! {
    /// How a version stands at an instant.
    RuleStatus {
        /// Not yet approved.
        Draft => "draft",
        /// Approved, its first day lies ahead.
        Scheduled => "scheduled",
        /// In force.
        Active => "active",
        /// Ended, past its last day, or followed by a later version.
        Ended => "ended",
    }
}

/// A version as it is listed.
#[derive(Debug, Clone)]
pub struct RuleVersion {
    /// The rule.
    pub id: RuleId,
    /// Its version, from 1.
    pub version: i32,
    /// How it stands now.
    pub status: RuleStatus,
    /// Its JSON.
    pub rule: RuleDraft,
    /// Who drafted it.
    pub drafted_by: Uuid,
    /// Who approved it.
    pub approved_by: Option<Uuid>,
}

/// A version with its rule, as stored.
#[derive(Debug, Queryable)]
pub(crate) struct VersionRow {
    pub rule_id: RuleId,
    pub version: i32,
    pub terms: serde_json::Value,
    pub drafted_by: Uuid,
    pub approved_by: Option<Uuid>,
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
    rule_versions::approved_by,
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
    rule_versions::approved_by,
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

/// Approves a draft: from now on it is in force within its dates, in place of the version before.
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
        let terms: Terms = serde_json::from_value(row.terms)
            .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))?;
        usage::start(connection, rule, &terms.caps)?;
        touch(connection)?;
        one(connection, rule, version, now)
    })
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

/// Versions in the order of rules and versions, of one partner or of all.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    partner: Option<PartnerId>,
    after: Option<(RuleId, i32)>,
    limit: Limit,
    now: DateTime<Utc>,
) -> Result<Page<RuleVersion, (RuleId, i32)>, EngineError> {
    let mut query = rule_versions::table.inner_join(rules::table).select(COLUMNS).into_boxed();
    if let Some(partner) = partner {
        query = query.filter(rules::partner_id.eq(partner));
    }
    if let Some((rule, version)) = after {
        query = query.filter(
            rule_versions::rule_id
                .gt(rule)
                .or(rule_versions::rule_id.eq(rule).and(rule_versions::version.gt(version))),
        );
    }
    let rows: Vec<VersionRow> = query
        .order((rule_versions::rule_id, rule_versions::version))
        .limit(limit.with_lookahead())
        .load(connection)?;
    let page = Page::from_lookahead(rows, limit, |row| (row.rule_id, row.version));
    let items =
        page.items.into_iter().map(|row| listed(connection, row, now)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page { items, next: page.next })
}

/// One version.
///
/// # Errors
/// [`EngineError::Unknown`].
pub fn one(
    connection: &mut PgConnection,
    rule: RuleId,
    version: i32,
    now: DateTime<Utc>,
) -> Result<RuleVersion, EngineError> {
    let row = row(connection, rule, version)?;
    listed(connection, row, now)
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
fn checked(connection: &mut PgConnection, draft: &RuleDraft) -> Result<(PartnerId, Terms), EngineError> {
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

fn listed(
    connection: &mut PgConnection,
    row: VersionRow,
    now: DateTime<Utc>,
) -> Result<RuleVersion, EngineError> {
    let terms: Terms = serde_json::from_value(row.terms)
        .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))?;
    let zone: String = programme::table.select(programme::zone).first(connection)?;
    let zone = zone.parse().unwrap_or(chrono_tz::Europe::Moscow);
    let superseded: bool = diesel::select(diesel::dsl::exists(
        rule_versions::table
            .filter(rule_versions::rule_id.eq(row.rule_id).and(rule_versions::version.gt(row.version)))
            .filter(rule_versions::approved_at.le(now)),
    ))
    .get_result(connection)?;
    let today = date_in(zone, now);
    let over = superseded || row.ended_at.is_some_and(|ended| ended <= now);
    let status = match row.approved_at {
        _ if over => RuleStatus::Ended,
        Some(at) if at <= now => match (terms.when.from, terms.when.until) {
            (_, Some(until)) if until < today => RuleStatus::Ended,
            (Some(from), _) if from > today => RuleStatus::Scheduled,
            _ => RuleStatus::Active,
        },
        _ => RuleStatus::Draft,
    };
    let partner: String = crate::schema::ledger::partners::table
        .find(row.partner_id)
        .select(crate::schema::ledger::partners::code)
        .first(connection)?;
    Ok(RuleVersion {
        id: row.rule_id,
        version: row.version,
        status,
        rule: RuleDraft::of(&partner, &terms),
        drafted_by: row.drafted_by,
        approved_by: row.approved_by,
    })
}
