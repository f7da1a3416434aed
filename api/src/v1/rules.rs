//! Cashback rules: drafted by finance, approved by a controller, ended.

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::rules::store::{self, RuleVersion};
use cashback_engine::rules::{RuleDraft, RuleStatus};
use cashback_engine::{RuleId, partners};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use union_registry::organisations;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json, Later, NoBody, Path, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::{self, List};

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
    #[schema(value_type = Object)]
    rule: RuleDraft,
}

impl From<RuleVersion> for RuleView {
    fn from(version: RuleVersion) -> Self {
        Self { id: version.id.0, version: version.version, status: version.status, rule: version.rule }
    }
}

/// A page of rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rules {
    items: Vec<RuleView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which rules.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RulesQuery {
    /// Only this partner's.
    partner: Option<String>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Rules, each version of each: the union's finance sees all, a manager the partner's own.
#[utoipa::path(get, path = "/v1/rules", tag = "finance", params(RulesQuery), responses(
    (status = 200, description = "a page of rules", body = Rules),
    (status = 404, description = "no such partner", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<RulesQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, now) = (paging::limit(query.0.limit)?, app.now());
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<(RuleId, i32)> = list.after(query.0.after.as_deref())?;
    let own = principal.partner();
    let asked = query.0.partner;
    let page = app
        .into_inner()
        .run(move |connection| {
            let named = match asked {
                Some(code) => Some(partners::find(connection, &code)?.ok_or_else(Problem::not_found)?.id),
                None => None,
            };
            let partner = match (own, named) {
                (Some(own), Some(named)) if own != named => return Err(Problem::not_found()),
                (Some(own), _) => Some(own),
                (None, named) => named,
            };
            Ok(store::list(connection, partner, after, limit, now)?)
        })
        .await?;
    Ok(list.answer(&page.map(RuleView::from)))
}

/// The organisations a draft names must be in the register, which the engine knows nothing of.
fn known_organisations(connection: &mut PgConnection, draft: &RuleDraft) -> Result<(), Problem> {
    let mut named: Vec<(String, &String)> = draft
        .funding
        .iter()
        .enumerate()
        .filter(|(_, funding)| funding.by != "partner")
        .map(|(place, funding)| (format!("#/funding/{place}/by"), &funding.by))
        .collect();
    let members = draft.when.members.as_ref().and_then(|members| members.organisation.as_ref());
    named.extend(members.map(|code| ("#/when/members/organisation".to_owned(), code)));
    let codes: Vec<String> = named.iter().map(|(_, code)| (*code).clone()).collect();
    let known = organisations::named(connection, &codes)?;
    let unknown =
        named.into_iter().filter(|(_, code)| !known.iter().any(|organisation| organisation.code == **code));
    let mut unknown = unknown.peekable();
    if unknown.peek().is_none() {
        return Ok(());
    }
    Err(unknown.fold(Problem::invalid(), |problem, (pointer, _)| {
        problem.field(pointer, "is no organisation", "такой организации нет")
    }))
}

fn person(principal: &Principal) -> Result<Uuid, Problem> {
    principal.staff().map(|staff| staff.staff).ok_or_else(Problem::forbidden)
}

/// The version every rule has.
const FIRST: i32 = 1;

/// Refuses a version that isn't there, before what was sent along is looked at.
fn there(connection: &mut PgConnection, id: RuleId, version: i32, now: DateTime<Utc>) -> Result<(), Problem> {
    store::one(connection, id, version, now)?;
    Ok(())
}

/// Drafts a rule.
#[utoipa::path(post, path = "/v1/rules", tag = "finance", request_body = Object, responses(
    (status = 201, description = "the draft", body = RuleView),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn draft(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<RuleDraft>,
) -> Result<HttpResponse, Problem> {
    let (by, now) = (person(&principal)?, app.now());
    let version = app
        .into_inner()
        .transaction(move |connection| {
            known_organisations(connection, &body.0)?;
            Ok(store::create(connection, &body.0, by, now)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(RuleView::from(version)))
}

/// Drafts a further version of a rule.
#[utoipa::path(post, path = "/v1/rules/{id}/versions", tag = "finance", params(("id" = String, Path)), request_body = Object, responses(
    (status = 201, description = "the draft", body = RuleView),
    (status = 404, description = "no such rule", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn draft_version(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<RuleId>,
    body: Later<Json<RuleDraft>>,
) -> Result<HttpResponse, Problem> {
    let (by, now) = (person(&principal)?, app.now());
    let version = app
        .into_inner()
        .transaction(move |connection| {
            there(connection, id.0, FIRST, now)?;
            let body = body?;
            known_organisations(connection, &body.0)?;
            Ok(store::add(connection, id.0, &body.0, by, now)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(RuleView::from(version)))
}

/// Approves a draft: from then on it is in force within its dates. Another person than the drafter does it.
#[utoipa::path(post, path = "/v1/rules/{id}/versions/{version}/approve", tag = "finance", params(("id" = String, Path), ("version" = i32, Path)), responses(
    (status = 200, description = "the approved version", body = RuleView),
    (status = 404, description = "no such version", body = ProblemBody),
    (status = 409, description = "drafted by the same person, or no draft", body = ProblemBody)))]
pub async fn approve(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    path: Path<(Uuid, i32)>,
    body: Later<NoBody>,
) -> Result<web::Json<RuleView>, Problem> {
    let (by, now) = (person(&principal)?, app.now());
    let (id, version) = path.0;
    let version = app
        .into_inner()
        .transaction(move |connection| {
            there(connection, RuleId(id), version, now)?;
            body?;
            Ok(store::approve(connection, RuleId(id), version, by, now)?)
        })
        .await?;
    Ok(web::Json(version.into()))
}

/// Ends a rule: later purchases earn nothing by it.
#[utoipa::path(post, path = "/v1/rules/{id}/end", tag = "finance", params(("id" = String, Path)), responses(
    (status = 200, description = "the last version", body = RuleView),
    (status = 404, description = "no such rule", body = ProblemBody),
    (status = 409, description = "it has ended", body = ProblemBody)))]
pub async fn end(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<RuleId>,
    body: Later<NoBody>,
) -> Result<web::Json<RuleView>, Problem> {
    let (by, now) = (person(&principal)?, app.now());
    let version = app
        .into_inner()
        .transaction(move |connection| {
            there(connection, id.0, FIRST, now)?;
            body?;
            Ok(store::end(connection, id.0, by, now)?)
        })
        .await?;
    Ok(web::Json(version.into()))
}
