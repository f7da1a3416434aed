//! Rules as they are listed: each version with how it stands at an instant, who drafted and who approved it.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::Uuid;
use shared_kernel::paging::{Limit, Page};
use shared_kernel::text_enum;

use super::draft::RuleDraft;
use super::terms::Terms;
use crate::days::date_in;
use crate::error::EngineError;
use crate::ids::{PartnerId, RuleId};
use crate::schema::ledger::programme;

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
    /// Whose.
    pub partner: PartnerId,
    /// How it stands now.
    pub status: RuleStatus,
    /// Its JSON.
    pub rule: RuleDraft,
    /// Who drafted it.
    pub drafted_by: Uuid,
    /// When.
    pub drafted_at: DateTime<Utc>,
    /// Who approved it.
    pub approved_by: Option<Uuid>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// Who ended the rule.
    pub ended_by: Option<Uuid>,
    /// When.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Which versions; `None` asks nothing.
#[derive(Debug, Clone, Default)]
pub struct RuleFilter {
    /// Of this partner.
    pub partner: Option<PartnerId>,
    /// Of this rule.
    pub rule: Option<RuleId>,
    /// This version.
    pub version: Option<i32>,
    /// That stand so now.
    pub status: Option<RuleStatus>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    rule_id: RuleId,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Jsonb)]
    terms: serde_json::Value,
    #[diesel(sql_type = SqlUuid)]
    drafted_by: Uuid,
    #[diesel(sql_type = Timestamptz)]
    drafted_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    approved_by: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    approved_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ended_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    ended_by: Option<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    partner_id: PartnerId,
    #[diesel(sql_type = Text)]
    partner: String,
    #[diesel(sql_type = Text)]
    status: RuleStatus,
}

/// A later version takes over once it is approved and its first day has come; so does the book.
const LISTED: &str = "
    SELECT * FROM (
        SELECT v.rule_id, v.version, v.terms, v.drafted_by, v.drafted_at, v.approved_by, v.approved_at, r.ended_at,
            r.ended_by, r.partner_id, p.code AS partner,
            CASE
                WHEN r.ended_at <= $1 OR EXISTS (SELECT FROM ledger.rule_versions AS later
                    WHERE later.rule_id = v.rule_id AND later.version > v.version AND later.approved_at <= $1
                        AND coalesce((later.terms -> 'when' ->> 'from')::date <= $2, true)) THEN 'ended'
                WHEN v.approved_at IS NULL OR v.approved_at > $1 THEN 'draft'
                WHEN (v.terms -> 'when' ->> 'until')::date < $2 THEN 'ended'
                WHEN (v.terms -> 'when' ->> 'from')::date > $2 THEN 'scheduled'
                ELSE 'active'
            END AS status
        FROM ledger.rule_versions AS v JOIN ledger.rules AS r ON r.id = v.rule_id
        JOIN ledger.partners AS p ON p.id = r.partner_id) AS listed
    WHERE ($3 IS NULL OR partner_id = $3) AND ($4 IS NULL OR rule_id = $4) AND ($5 IS NULL OR version = $5)
        AND ($6 IS NULL OR status = $6) AND ($7 IS NULL OR (rule_id, version) > ($7, $8))
    ORDER BY rule_id, version LIMIT $9";

/// Versions in the order of rules and versions.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    filter: &RuleFilter,
    after: Option<(RuleId, i32)>,
    limit: Limit,
    now: DateTime<Utc>,
) -> Result<Page<RuleVersion, (RuleId, i32)>, EngineError> {
    let rows = select(connection, filter, after, limit.with_lookahead(), now)?;
    Ok(Page::from_lookahead(rows, limit, |row| (row.id, row.version)))
}

/// Every version of a rule, the first one first; none of an unknown rule.
///
/// # Errors
/// The database's.
pub fn versions(
    connection: &mut PgConnection,
    rule: RuleId,
    now: DateTime<Utc>,
) -> Result<Vec<RuleVersion>, EngineError> {
    let filter = RuleFilter { rule: Some(rule), ..RuleFilter::default() };
    select(connection, &filter, None, i64::from(i32::MAX), now)
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
    let filter = RuleFilter { rule: Some(rule), version: Some(version), ..RuleFilter::default() };
    let found = select(connection, &filter, None, 1, now)?;
    found.into_iter().next().ok_or(EngineError::Unknown("the rule's version"))
}

fn select(
    connection: &mut PgConnection,
    filter: &RuleFilter,
    after: Option<(RuleId, i32)>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<RuleVersion>, EngineError> {
    let zone: String = programme::table.select(programme::zone).first(connection)?;
    let today: NaiveDate = date_in(zone.parse().unwrap_or(chrono_tz::Europe::Moscow), now);
    let rows: Vec<Row> = diesel::sql_query(LISTED)
        .bind::<Timestamptz, _>(now)
        .bind::<Date, _>(today)
        .bind::<Nullable<SqlUuid>, _>(filter.partner)
        .bind::<Nullable<SqlUuid>, _>(filter.rule)
        .bind::<Nullable<Integer>, _>(filter.version)
        .bind::<Nullable<Text>, _>(filter.status)
        .bind::<Nullable<SqlUuid>, _>(after.map(|(rule, _)| rule))
        .bind::<Nullable<Integer>, _>(after.map(|(_, version)| version))
        .bind::<BigInt, _>(limit)
        .load(connection)?;
    rows.into_iter().map(Row::listed).collect()
}

impl Row {
    fn listed(self) -> Result<RuleVersion, EngineError> {
        let terms: Terms = serde_json::from_value(self.terms)
            .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))?;
        Ok(RuleVersion {
            id: self.rule_id,
            version: self.version,
            partner: self.partner_id,
            status: self.status,
            rule: RuleDraft::of(&self.partner, &terms),
            drafted_by: self.drafted_by,
            drafted_at: self.drafted_at,
            approved_by: self.approved_by,
            approved_at: self.approved_at,
            ended_by: self.ended_by,
            ended_at: self.ended_at,
        })
    }
}
