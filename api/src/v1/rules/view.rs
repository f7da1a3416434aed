//! Rules on the wire.

use std::collections::HashMap;

use cashback_engine::rules::{RuleDraft, RuleStatus, RuleVersion};
use diesel::pg::PgConnection;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Principal, staff};
use crate::problem::Problem;
use crate::v1::types::Timestamp;

/// A version of a rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rule)]
pub struct RuleView {
    id: Uuid,
    version: i32,
    /// `draft`, `scheduled`, `active` or `ended`.
    #[schema(value_type = String)]
    status: RuleStatus,
    /// The rule as it was drafted.
    #[serde(flatten)]
    #[schema(value_type = RuleBody)]
    rule: RuleDraft,
}

impl RuleView {
    /// All of it, for the union's own people.
    pub fn whole(version: RuleVersion) -> Self {
        Self { id: version.id.0, version: version.version, status: version.status, rule: version.rule }
    }

    /// As somebody may see it: a partner isn't told whom a rule is for, nor which organisation pays a part. Who has
    /// bought by such a rule would tell where they work.
    pub fn seen_by(version: RuleVersion, principal: &Principal) -> Self {
        let mut view = Self::whole(version);
        if principal.partner().is_some() {
            hide_audience(&mut view.rule);
        }
        view
    }
}

fn hide_audience(rule: &mut RuleDraft) {
    rule.when.members = None;
    rule.funding.retain(|funding| funding.by == "partner");
}

/// Somebody of the staff.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Person {
    id: Uuid,
    /// What they sign in with; absent for a login that is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl Person {
    /// A login with its address, if it is there.
    pub fn new(id: Uuid, email: Option<String>) -> Self {
        Self { id, email }
    }
}

/// A version with its making.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleVersionView {
    version: i32,
    /// `draft`, `scheduled`, `active` or `ended`.
    #[schema(value_type = String)]
    status: RuleStatus,
    /// Who drafted it; the union's people alone are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    drafted_by: Option<Person>,
    #[schema(value_type = String, format = DateTime)]
    drafted_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    approved_at: Option<Timestamp>,
    /// The rule as it was drafted.
    #[serde(flatten)]
    #[schema(value_type = RuleBody)]
    rule: RuleDraft,
}

/// A rule with its versions, the first one first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleHistory {
    id: Uuid,
    /// As its latest version that was approved stands, or `draft`.
    #[schema(value_type = String)]
    status: RuleStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    versions: Vec<RuleVersionView>,
}

impl RuleHistory {
    /// Of all versions of a rule; `people` tells whether who made them is told.
    ///
    /// # Errors
    /// 404 without versions; the database's.
    pub fn of(
        connection: &mut PgConnection,
        versions: Vec<RuleVersion>,
        people: bool,
    ) -> Result<Self, Problem> {
        let last = versions.last().cloned().ok_or_else(Problem::not_found)?;
        let logins: Vec<Uuid> = versions
            .iter()
            .flat_map(|v| [Some(v.drafted_by), v.approved_by, v.ended_by].into_iter().flatten())
            .collect();
        let emails = if people { staff::emails(connection, &logins)? } else { HashMap::new() };
        let person =
            |id: Option<Uuid>| id.filter(|_| people).map(|id| Person { id, email: emails.get(&id).cloned() });
        let in_force = versions.iter().find(|version| version.status == RuleStatus::Active);
        let approved = versions.iter().rev().find(|version| version.approved_at.is_some());
        Ok(Self {
            id: last.id.0,
            status: in_force.or(approved).map_or(last.status, |version| version.status),
            ended_by: person(last.ended_by),
            ended_at: last.ended_at.map(Timestamp),
            versions: versions
                .into_iter()
                .map(|version| {
                    let mut rule = version.rule;
                    if !people {
                        hide_audience(&mut rule);
                    }
                    RuleVersionView {
                        version: version.version,
                        status: version.status,
                        drafted_by: person(Some(version.drafted_by)),
                        drafted_at: version.drafted_at.into(),
                        approved_by: person(version.approved_by),
                        approved_at: version.approved_at.map(Timestamp),
                        rule,
                    }
                })
                .collect(),
        })
    }
}

/// A rule. All but `name`, `partner` and `earn` can be left out.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `RuleDraft` in the OpenAPI document")]
pub struct RuleBody {
    /// 1 to 200 characters.
    name: String,
    /// The partner's code.
    partner: String,
    /// Higher first among equals; 0 unless said.
    #[schema(required = false)]
    priority: i32,
    /// `exclusive` (the best of these wins; unless said) or `additive` (added on top).
    #[schema(required = false)]
    stacking: String,
    #[schema(required = false)]
    when: RuleWhen,
    earn: RuleEarn,
    #[schema(required = false)]
    caps: RuleCaps,
    /// Who pays, shares adding up to 1; the partner alone unless said.
    #[schema(required = false)]
    funding: Vec<RuleFunding>,
    /// Days after the purchase's date before it can be spent; 14 unless said.
    #[schema(required = false)]
    hold_days: u32,
    /// Months it lives; 12 unless said, `null` for ever.
    life_months: Option<u32>,
}

/// Conditions; what is left out asks nothing.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `WhenDraft` in the OpenAPI document")]
pub struct RuleWhen {
    /// The first day, in the programme's zone.
    from: Option<String>,
    /// The last day.
    until: Option<String>,
    /// `mon` to `sun`, in the outlet's zone.
    #[schema(required = false)]
    days: Vec<String>,
    /// From (inclusive) and to (exclusive) in the outlet's zone, such as `["09:00","18:00"]`; past midnight when the
    /// first is later. The day of the week is the moment's own: a Friday night's 01:00 is a Saturday's.
    hours: Option<Vec<String>>,
    /// The partner's outlets.
    #[schema(required = false)]
    outlets: Vec<String>,
    /// Line categories it covers.
    #[schema(required = false)]
    categories: Vec<String>,
    /// Line categories it does not cover.
    #[schema(required = false)]
    except_categories: Vec<String>,
    /// The least eligible amount.
    #[schema(example = "300.00")]
    least_amount: Option<String>,
    members: Option<RuleMembers>,
}

/// Which members.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `MembersDraft` in the OpenAPI document")]
pub struct RuleMembers {
    /// An organisation: its members and those of all below it, as of the purchase's moment.
    organisation: Option<String>,
    /// `worker`, `student`, `pensioner`, `unspecified`.
    #[schema(required = false)]
    categories: Vec<String>,
    /// Full years from and to, both inclusive.
    age: Option<Vec<u32>>,
    /// At least so many full months a member.
    member_for_months: Option<u32>,
    tier: Option<String>,
}

/// What a rule gives: exactly one of `percent`, `fixed`, `per` with `amount`, `ladder`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `EarnDraft` in the OpenAPI document")]
pub struct RuleEarn {
    percent: Option<String>,
    #[schema(example = "100.00")]
    fixed: Option<String>,
    /// The step; each full one brings `amount`.
    #[schema(example = "100.00")]
    per: Option<String>,
    #[schema(example = "1.00")]
    amount: Option<String>,
    /// The rung reached holds for the whole eligible amount.
    ladder: Option<Vec<RuleRung>>,
}

/// A rung.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `RungDraft` in the OpenAPI document")]
pub struct RuleRung {
    #[schema(example = "5000.00")]
    from: String,
    percent: String,
}

/// Limits.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `CapsDraft` in the OpenAPI document")]
pub struct RuleCaps {
    #[schema(example = "500.00")]
    per_purchase: Option<String>,
    per_member: Option<RuleMemberCap>,
    /// Over all members and all time.
    #[schema(example = "1000000.00")]
    budget: Option<String>,
}

/// A member's limit.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `MemberCapDraft` in the OpenAPI document")]
pub struct RuleMemberCap {
    #[schema(example = "300.00")]
    amount: String,
    /// `day`, `month` or `year`.
    period: String,
}

/// A funder's share.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `FundingDraft` in the OpenAPI document")]
pub struct RuleFunding {
    /// `partner`, or an organisation's code.
    by: String,
    /// Its share of 1.
    share: String,
}
