//! Tiers: what there are and what reaches them. Finance drafts, a controller or administrator approves.

use actix_web::web;
use cashback_engine::tiers::{self, Measure, Settings, Span, Tier, TierTerms};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::money::Money;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{Json, Later, NoBody, Path};
use crate::problem::{Problem, ProblemBody};
use crate::v1::adjustments::{login, people};
use crate::v1::rules::view::Person;
use crate::v1::types::Timestamp;

/// A tier and what reaches it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tier)]
pub struct TierBody {
    /// What rules and members call it; 1 to 40 characters.
    name: String,
    /// Reached from here; the lowest may be everybody's, from 0.00.
    #[schema(value_type = String, example = "5000.00")]
    from: Money,
}

/// Tiers as they are to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TiersBody {
    /// `cashback` or `purchases`, less what refunds took back.
    #[schema(value_type = String)]
    measure: Measure,
    /// `rolling`: the present month and those before it; `calendar`: blocks of 1, 3, 6 or 12 months from January on.
    #[schema(value_type = String)]
    span: Span,
    /// A period's months: up to 36 rolling ones.
    months: u32,
    /// The lowest first; an empty list: no tiers.
    tiers: Vec<TierBody>,
}

impl TiersBody {
    fn terms(self) -> TierTerms {
        let tiers = self.tiers.into_iter().map(|tier| Tier { name: tier.name, from: tier.from }).collect();
        TierTerms { measure: self.measure, span: self.span, months: self.months, tiers }
    }
}

/// Tiers in one version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TierSettings)]
pub struct TierSettingsView {
    version: i32,
    #[serde(flatten)]
    terms: TiersBody,
    drafted_by: Person,
    #[schema(value_type = String, format = DateTime)]
    drafted_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<Person>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<Timestamp>,
}

/// What is in force, and what waits for approval.
#[derive(Debug, Serialize, ToSchema)]
pub struct TiersView {
    in_force: Option<TierSettingsView>,
    draft: Option<TierSettingsView>,
}

fn view(connection: &mut PgConnection, settings: Settings) -> Result<TierSettingsView, Problem> {
    let Settings { version, terms, drafted_by, drafted_at, approved_by, approved_at } = settings;
    let people = people(connection, [Some(drafted_by), approved_by].into_iter().flatten())?;
    let person = |id: Uuid| people.get(&id).cloned();
    let tiers = terms.tiers.into_iter().map(|tier| TierBody { name: tier.name, from: tier.from }).collect();
    Ok(TierSettingsView {
        version,
        terms: TiersBody { measure: terms.measure, span: terms.span, months: terms.months, tiers },
        drafted_by: person(drafted_by).ok_or_else(Problem::not_found)?,
        drafted_at: drafted_at.into(),
        approved_by: approved_by.and_then(person),
        approved_at: approved_at.map(Timestamp),
    })
}

fn both(connection: &mut PgConnection) -> Result<TiersView, Problem> {
    let in_force = tiers::in_force(connection)?.map(|settings| view(connection, settings)).transpose()?;
    let draft = tiers::drafted(connection)?.map(|settings| view(connection, settings)).transpose()?;
    Ok(TiersView { in_force, draft })
}

/// The tiers in force and the draft that waits, if any.
#[utoipa::path(get, path = "/v1/tiers", tag = "finance", responses((status = 200, description = "the tiers", body = TiersView)))]
pub async fn show(app: web::Data<App>) -> Result<web::Json<TiersView>, Problem> {
    Ok(web::Json(app.into_inner().run(both).await?))
}

/// Drafts tiers in place of any draft before; they are in force once somebody else approves them.
#[utoipa::path(put, path = "/v1/tiers", tag = "finance", request_body = TiersBody, responses(
    (status = 200, description = "the tiers with the draft", body = TiersView),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn draft(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<TiersBody>,
) -> Result<web::Json<TiersView>, Problem> {
    let (by, now) = (login(&principal)?.staff, app.now());
    let terms = body.0.terms();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            tiers::draft(connection, &terms, by, now)?;
            both(connection)
        })
        .await?;
    Ok(web::Json(view))
}

/// Approves the draft: purchases reach its tiers from now on, and the next night gives everybody the one they deserve.
#[utoipa::path(post, path = "/v1/tiers/{version}/approve", tag = "finance", params(("version" = i32, Path)), responses(
    (status = 200, description = "the tiers", body = TiersView),
    (status = 404, description = "not the draft that waits", body = ProblemBody),
    (status = 409, description = "drafted by the same person, or in force", body = ProblemBody)))]
pub async fn approve(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    version: Path<i32>,
    body: Later<NoBody>,
) -> Result<web::Json<TiersView>, Problem> {
    let (by, actor, now) = (login(&principal)?.staff, principal.key(), app.now());
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            if tiers::latest_version(connection)? != Some(version.0) {
                return Err(Problem::not_found());
            }
            body?;
            tiers::approve(connection, version.0, by, now)?;
            let version = version.0.to_string();
            shared.auth.audit.append(connection, now, &actor, "tiers.approved", &version)?;
            both(connection)
        })
        .await?;
    Ok(web::Json(view))
}
