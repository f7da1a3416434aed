//! Cashback rules: drafted by finance, tried on a sample and on the past, approved by a controller, ended.

mod preview;
pub mod simulations;
mod simulations_listed;
pub mod view;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::rules::{RuleDraft, RuleFilter, RuleStatus, listing, store};
use cashback_engine::{RuleId, partners};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use union_registry::{Category, organisations};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub use self::preview::{__path_preview, preview};
pub use self::simulations::{__path_show_simulation, __path_simulate, show_simulation, simulate};
pub use self::simulations_listed::{__path_list_simulations, list_simulations};
use self::view::RuleHistory;
pub use self::view::{RuleBody, RuleView};

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json, Later, NoBody, Path, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::{self, List};

/// A page of rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rules {
    items: Vec<RuleView>,
    next: Option<String>,
}

/// Which rules.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RulesQuery {
    /// Only this partner's.
    partner: Option<String>,
    /// Only those that stand so now: `draft`, `scheduled`, `active` or `ended`.
    #[param(value_type = Option<String>)]
    status: Option<RuleStatus>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Rules, each version of each: the union's finance sees all, a manager the partner's own, without whom they are for.
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
    let (asked, status) = (query.0.partner, query.0.status);
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
            let filter = RuleFilter { partner, status, ..RuleFilter::default() };
            Ok(listing::list(connection, &filter, after, limit, now)?)
        })
        .await?;
    Ok(list.answer(&page.map(|version| RuleView::seen_by(version, &principal))))
}

/// A rule with all its versions, and who drafted, approved and ended them.
#[utoipa::path(get, path = "/v1/rules/{id}", tag = "finance", params(("id" = String, Path)), responses(
    (status = 200, description = "the rule", body = RuleHistory),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<RuleId>,
) -> Result<web::Json<RuleHistory>, Problem> {
    let (now, own) = (app.now(), principal.partner());
    let history = app
        .into_inner()
        .run(move |connection| {
            let versions = listing::versions(connection, id.0, now)?;
            if versions.iter().any(|version| own.is_some_and(|own| own != version.partner)) {
                return Err(Problem::not_found());
            }
            RuleHistory::of(connection, versions, own.is_none())
        })
        .await?;
    Ok(web::Json(history))
}

/// What a draft names of the register, which the engine knows nothing of: organisations and members' categories. The
/// pointer leads to the draft.
fn known_names(connection: &mut PgConnection, draft: &RuleDraft, pointer: &str) -> Result<(), Problem> {
    let mut named: Vec<(String, &String)> = draft
        .funding
        .iter()
        .enumerate()
        .filter(|(_, funding)| funding.by != "partner")
        .map(|(place, funding)| (format!("#{pointer}/funding/{place}/by"), &funding.by))
        .collect();
    let members = draft.when.members.as_ref();
    let organisation = members.and_then(|members| members.organisation.as_ref());
    named.extend(organisation.map(|code| (format!("#{pointer}/when/members/organisation"), code)));
    let codes: Vec<String> = named.iter().map(|(_, code)| (*code).clone()).collect();
    let known = organisations::named(connection, &codes)?;
    let mut problem: Option<Problem> = None;
    for (pointer, _) in named.iter().filter(|(_, code)| !known.iter().any(|known| known.code == **code)) {
        let so_far = problem.unwrap_or_else(Problem::invalid);
        problem = Some(so_far.field(pointer.clone(), "is no organisation", "такой организации нет"));
    }
    for (at, category) in members.iter().flat_map(|members| members.categories.iter().enumerate()) {
        if category.parse::<Category>().is_err() {
            let pointer = format!("#{pointer}/when/members/categories/{at}");
            let so_far = problem.unwrap_or_else(Problem::invalid);
            problem = Some(so_far.field(pointer, "is no category of members", "такой категории членов нет"));
        }
    }
    problem.map_or(Ok(()), Err)
}

fn person(principal: &Principal) -> Result<Uuid, Problem> {
    principal.staff().map(|staff| staff.staff).ok_or_else(Problem::forbidden)
}

/// The version every rule has.
const FIRST: i32 = 1;

/// Refuses a version that isn't there, before what was sent along is looked at.
fn there(connection: &mut PgConnection, id: RuleId, version: i32, now: DateTime<Utc>) -> Result<(), Problem> {
    listing::one(connection, id, version, now)?;
    Ok(())
}

/// Drafts a rule.
#[utoipa::path(post, path = "/v1/rules", tag = "finance", request_body = RuleBody, responses(
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
            known_names(connection, &body.0, "")?;
            Ok(store::create(connection, &body.0, by, now)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(RuleView::whole(version)))
}

/// Drafts a further version of a rule.
#[utoipa::path(post, path = "/v1/rules/{id}/versions", tag = "finance", params(("id" = String, Path)), request_body = RuleBody, responses(
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
            known_names(connection, &body.0, "")?;
            Ok(store::add(connection, id.0, &body.0, by, now)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(RuleView::whole(version)))
}

/// Approves a draft: from then on it is in force within its dates; a version before it goes on until then. Another person than the drafter does it.
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
    Ok(web::Json(RuleView::whole(version)))
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
    Ok(web::Json(RuleView::whole(version)))
}
