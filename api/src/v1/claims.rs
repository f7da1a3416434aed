//! Claims as the partner and the union see them: approved, declined, given their outlet. Nothing here tells whose they
//! are.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::claims::{self, Claim, ClaimFilter, ClaimId, ClaimReason, ClaimStatus, Similar};
use cashback_engine::posting::{Fiscal, Source};
use cashback_engine::rules::Book;
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Principal, Role};
use crate::extract::{IdPath, Json, Later, OptionalJson, Query};
use crate::posting::{Credential, Order};
use crate::problem::{Problem, ProblemBody};
use crate::refusals;
use crate::v1::paging::{self, List};
use crate::v1::purchases::{LineBody, asker};
use crate::v1::types::Timestamp;

/// A claim to decide.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PartnerClaim)]
pub struct ClaimView {
    id: Uuid,
    /// `unmatched`, `waiting`, `approved`, `confirmed`, `declined` or `expired`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What whoever declined wrote for the member.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    /// The partner's code, once the outlet is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    /// The outlet's code, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    outlet: Option<String>,
    /// The fiscal drive.
    drive: String,
    /// The fiscal document on it.
    document: i64,
    /// The fiscal sign.
    sign: i64,
    #[schema(value_type = String, example = "1250.00")]
    amount: Money,
    /// The receipt's time, as the till printed it.
    #[schema(value_type = String, example = "2026-11-21T14:05:00")]
    printed_at: chrono::NaiveDateTime,
    /// The receipt's moment, once the outlet's zone is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    filed_at: Timestamp,
    /// When it ends by itself, while it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<Uuid>,
    /// Purchases of the same outlet, sum and minutes that are in the ledger: perhaps the same sale.
    similar: Vec<SimilarView>,
}

/// A purchase that looks like the claim.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimilarPurchase)]
struct SimilarView {
    purchase_id: Uuid,
    receipt: String,
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
}

impl ClaimView {
    fn new(claim: &Claim, book: &Book, similar: &[Similar]) -> Self {
        let place = claim.place(book);
        Self {
            id: claim.id.0,
            status: claim.status.as_str(),
            reason: claim.reason.map(ClaimReason::as_str),
            words: claim.words.clone(),
            partner: place.map(|(_, partner)| partner.code.clone()),
            outlet: place.map(|(outlet, _)| outlet.code.clone()),
            drive: claim.drive.clone(),
            document: claim.document,
            sign: Fiscal::parse(&claim.raw).map_or(0, |fiscal| fiscal.sign),
            amount: claim.amount,
            printed_at: claim.local_time,
            occurred_at: claim.occurred_at.map(Timestamp),
            filed_at: claim.filed_at.into(),
            waits_until: claim.open_until(book.claim_days).map(Timestamp),
            decided_at: claim.decided_at.map(Timestamp),
            purchase_id: claim.purchase.map(|purchase| purchase.0),
            similar: similar
                .iter()
                .map(|one| SimilarView {
                    purchase_id: one.purchase.0,
                    receipt: one.receipt.clone(),
                    occurred_at: one.occurred_at.into(),
                })
                .collect(),
        }
    }

    fn of(connection: &mut PgConnection, app: &App, claim: &Claim) -> Result<Self, Problem> {
        let book = app.books.current(connection)?;
        let found = similar_to(connection, std::slice::from_ref(claim))?;
        Ok(Self::new(claim, &book, found.get(&claim.id).map(Vec::as_slice).unwrap_or_default()))
    }
}

fn similar_to(
    connection: &mut PgConnection,
    of: &[Claim],
) -> Result<HashMap<ClaimId, Vec<Similar>>, Problem> {
    let open: Vec<ClaimId> = of.iter().filter(|claim| claim.status.is_open()).map(|claim| claim.id).collect();
    Ok(claims::similar(connection, &open)?)
}

/// What a principal sees: a partner's people and programs its own outlets', the union all.
fn visible(principal: &Principal) -> Result<ClaimFilter, Problem> {
    let filter = ClaimFilter::default();
    match principal {
        Principal::Client { partner, .. } => Ok(ClaimFilter { partner: Some(*partner), ..filter }),
        Principal::Staff(staff) => match staff.role {
            Role::Finance | Role::Controller | Role::Auditor => Ok(filter),
            _ => {
                let partner = staff.partner.ok_or_else(Problem::forbidden)?;
                Ok(ClaimFilter { partner: Some(partner), outlets: staff.outlets.clone(), ..filter })
            }
        },
        Principal::Member { .. } | Principal::Wallet { .. } => Err(Problem::forbidden()),
    }
}

fn person(principal: &Principal) -> Result<Uuid, Problem> {
    match principal {
        Principal::Client { client, .. } => Ok(*client),
        Principal::Staff(staff) => Ok(staff.staff),
        Principal::Member { .. } | Principal::Wallet { .. } => Err(Problem::forbidden()),
    }
}

/// A page of claims.
#[derive(Debug, Serialize, ToSchema)]
pub struct Claims {
    items: Vec<ClaimView>,
    next: Option<String>,
}

/// Which claims.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClaimsQuery {
    /// Only of this status.
    #[param(value_type = Option<String>)]
    status: Option<ClaimStatus>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Claims, the newest first: a partner's own, or all for the union's finance.
#[utoipa::path(get, path = "/v1/claims", tag = "partner", params(ClaimsQuery), responses(
    (status = 200, description = "a page of claims", body = Claims),
    (status = 422, description = "wrong status, limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<ClaimsQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let filter = ClaimFilter { status: query.0.status, ..visible(&principal)? };
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<ClaimId> = list.after(query.0.after.as_deref())?;
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            let book = inner.books.current(connection)?;
            let page = claims::claims(connection, &filter, after, limit)?;
            let similar = similar_to(connection, &page.items)?;
            Ok(page.map(|claim| {
                let same = similar.get(&claim.id).map(Vec::as_slice).unwrap_or_default();
                ClaimView::new(&claim, &book, same)
            }))
        })
        .await?;
    Ok(list.answer(&page))
}

/// What the partner knows of the sale; all of it can be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    /// The receipt's number at the till, so that the sale is known by it should it arrive later.
    receipt: Option<String>,
    /// The sum, to be sure that it is the receipt's.
    #[schema(value_type = Option<String>, example = "1250.00")]
    amount: Option<Money>,
    /// The receipt's lines, for rules that go by categories; they add up to the sum.
    lines: Option<Vec<LineBody>>,
}

/// Approves a claim: it is posted as a purchase of its moment. Approving what is approved answers it as it is.
#[utoipa::path(post, path = "/v1/claims/{id}/approve", tag = "partner", params(("id" = String, Path)), request_body = Option<ApproveBody>, responses(
    (status = 200, description = "the claim, with its purchase", body = ClaimView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "it has ended, is your own, its sale is only reserved yet, or is another purchase", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn approve(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<ClaimId>,
    body: Later<OptionalJson<ApproveBody>>,
) -> Result<web::Json<ClaimView>, Problem> {
    let filter = visible(&principal)?;
    let shared = app.clone().into_inner();
    let claim = found(&shared, id.0, filter.clone()).await?;
    let body = body?.0.unwrap_or_default();
    if claim.status == ClaimStatus::Waiting {
        not_own(&shared, &principal, claim.member).await?;
        let order = order(&shared, &claim, &principal, body).await?;
        let answer =
            app.posting.post(vec![order]).await?.pop().unwrap_or_else(|| Err(Problem::unavailable()));
        // Whatever ended it meanwhile is told below.
        if let Err(problem) = answer.map(|_| ()).or_else(unless_ended) {
            return Err(refused(&shared, claim, person(&principal)?, problem).await);
        }
    }
    let claim = found(&shared, id.0, filter).await?;
    if claim.purchase.is_none() {
        return Err(refusals::claim_ended());
    }
    let inner = app.clone().into_inner();
    Ok(web::Json(shared.run(move |connection| ClaimView::of(connection, &inner, &claim)).await?))
}

/// Nobody approves a claim of their own.
async fn not_own(app: &std::sync::Arc<App>, principal: &Principal, member: MemberId) -> Result<(), Problem> {
    let Some(login) = principal.staff().map(|staff| staff.staff) else { return Ok(()) };
    let inner = app.clone();
    let own =
        app.clone().run(move |connection| inner.sellers.is(&inner, connection, (login, member))).await?;
    if own { Err(refusals::claim_own()) } else { Ok(()) }
}

fn unless_ended(problem: Problem) -> Result<(), Problem> {
    if problem.slug() == "claim-ended" { Ok(()) } else { Err(problem) }
}

async fn found(app: &std::sync::Arc<App>, id: ClaimId, filter: ClaimFilter) -> Result<Claim, Problem> {
    app.clone()
        .run(move |connection| claims::claim(connection, id, &filter)?.ok_or_else(Problem::not_found))
        .await
}

/// The purchase a claim is.
async fn order(
    app: &std::sync::Arc<App>,
    claim: &Claim,
    principal: &Principal,
    body: ApproveBody,
) -> Result<Order, Problem> {
    let inner = app.clone();
    let number = claim.outlet;
    let outlet = app
        .clone()
        .run(move |connection| {
            let book = inner.books.current(connection)?;
            let outlet = number.and_then(|number| book.outlet_by_number(number).cloned());
            outlet.ok_or_else(Problem::not_found)
        })
        .await?;
    let fiscal = Fiscal::parse(&claim.raw).map_err(|error| Problem::internal(&error))?;
    Ok(Order {
        asker: asker(principal, Source::Claim)?,
        credential: Credential::Claim(claim.member),
        outlet: outlet.code.clone(),
        receipt: body.receipt.unwrap_or_else(|| claim.derived_receipt()),
        occurred_at: claim.occurred_at.ok_or_else(Problem::not_found)?,
        amount: body.amount.unwrap_or(claim.amount),
        lines: body.lines.map(|lines| lines.into_iter().map(LineBody::line).collect()),
        redeem: Money::ZERO,
        fiscal: Some(fiscal),
        capture: true,
    })
}

/// A receipt that was credited to another purchase meanwhile ends its claim.
async fn refused(app: &std::sync::Arc<App>, claim: Claim, by: Uuid, problem: Problem) -> Problem {
    if problem.slug() != "fiscal-used" {
        return problem;
    }
    let now = app.now();
    let ended = app
        .clone()
        .transaction(move |connection| {
            Ok(claims::ended_with(connection, &claim, ClaimReason::CreditedElsewhere, by, now)?)
        })
        .await;
    app.delivery.nudge();
    ended.err().unwrap_or(problem)
}

/// Why a claim is declined.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = DeclineClaimBody)]
#[serde(deny_unknown_fields)]
pub struct DeclineBody {
    /// In words, for the member to read; 1 to 300 characters.
    reason: String,
}

/// Declines a claim. The union's finance declines those whose outlet nobody knows.
#[utoipa::path(post, path = "/v1/claims/{id}/decline", tag = "partner", params(("id" = String, Path)), request_body = DeclineBody, responses(
    (status = 200, description = "the declined claim", body = ClaimView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "it has ended, or is the partner's to decline", body = ProblemBody),
    (status = 422, description = "no reason", body = ProblemBody)))]
pub async fn decline(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<ClaimId>,
    body: Later<Json<DeclineBody>>,
) -> Result<web::Json<ClaimView>, Problem> {
    let (filter, by, now) = (visible(&principal)?, person(&principal)?, app.now());
    let (shared, nudged) = (app.clone().into_inner(), app.clone());
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let claim = claims::claim(connection, id.0, &filter)?.ok_or_else(Problem::not_found)?;
            let words = body?.0.reason;
            let reason = match filter.partner {
                Some(_) => ClaimReason::DeclinedByPartner,
                None if claim.status == ClaimStatus::Waiting => return Err(partners_to_decide()),
                None => ClaimReason::DeclinedByUnion,
            };
            let claim = claims::decline(connection, &claim, (reason, &words), by, now)?;
            ClaimView::of(connection, &shared, &claim)
        })
        .await?;
    nudged.delivery.nudge();
    Ok(web::Json(view))
}

fn partners_to_decide() -> Problem {
    Problem::conflict(
        "claim-partners",
        "The partner decides claims of its outlets",
        "Заявки по своим точкам решает партнёр",
    )
}

/// Whose till it was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignBody {
    /// The outlet's code.
    outlet: String,
}

/// Gives an unmatched claim its outlet; its partner is to decide then, unless the sale is there already.
#[utoipa::path(post, path = "/v1/claims/{id}/assign", tag = "finance", params(("id" = String, Path)), request_body = AssignBody, responses(
    (status = 200, description = "the claim, waiting for its partner, or confirmed by a sale that had arrived", body = ClaimView),
    (status = 404, description = "no such claim", body = ProblemBody),
    (status = 409, description = "it has its outlet, or has ended", body = ProblemBody),
    (status = 422, description = "no such outlet", body = ProblemBody)))]
pub async fn assign(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<ClaimId>,
    body: Later<Json<AssignBody>>,
) -> Result<web::Json<ClaimView>, Problem> {
    let (filter, now): (ClaimFilter, DateTime<Utc>) = (visible(&principal)?, app.now());
    let (shared, nudged) = (app.clone().into_inner(), app.clone());
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let claim = claims::claim(connection, id.0, &filter)?.ok_or_else(Problem::not_found)?;
            let outlet = body?.0.outlet;
            let claim = claims::assign(connection, &shared.books, &claim, &outlet, now)?;
            ClaimView::of(connection, &shared, &claim)
        })
        .await?;
    nudged.delivery.nudge();
    Ok(web::Json(view))
}
