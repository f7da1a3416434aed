//! A member's claims: the fiscal receipt of a purchase that never arrived.

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::claims::{self, Claim, ClaimFilter, ClaimId};
use cashback_engine::rules::Book;
use cashback_engine::texts;
use serde::{Deserialize, Serialize};
use shared_kernel::money::Money;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::{PageQuery, PartnerRefView};
use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{Json, Query};
use crate::posting::identify;
use crate::problem::{Language, Problem, ProblemBody};
use crate::refusals;
use crate::v1::paging::{self, List};
use crate::v1::purchases::fiscal;
use crate::v1::types::Timestamp;

/// What a member sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// The receipt's QR string, as the till prints it.
    #[schema(example = "t=20261121T1405&s=1250.00&fn=9287440300634471&i=13571&fp=3730902192&n=1")]
    fiscal: String,
}

/// A claim, as its member sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claim)]
pub struct MyClaimView {
    id: Uuid,
    /// `unmatched`, `waiting`, `approved`, `confirmed`, `declined` or `expired`.
    status: &'static str,
    /// Why it ended, or what it waits for, in the reader's language.
    explanation: String,
    /// Why it ended: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<PartnerRefView>,
    /// The outlet's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    outlet: Option<String>,
    #[schema(value_type = String, example = "1250.00")]
    amount: Money,
    /// The receipt's time, as the till printed it.
    #[schema(value_type = String, example = "2026-11-21T14:05:00")]
    printed_at: chrono::NaiveDateTime,
    #[schema(value_type = String, format = DateTime)]
    filed_at: Timestamp,
    /// Until when it waits for an answer, while it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    /// The purchase it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<Uuid>,
}

impl MyClaimView {
    fn new(claim: &Claim, book: &Book, language: Language) -> Self {
        let place = claim.place(book);
        let until = claim.waits_until(book.claim_days);
        Self {
            id: claim.id.0,
            status: claim.status.as_str(),
            explanation: texts::claim_text(claim, until, language.engine(), book.zone),
            reason: claim.reason.map(claims::ClaimReason::as_str),
            partner: place.map(|(_, partner)| PartnerRefView::new(&partner.code, &partner.name)),
            outlet: place.map(|(outlet, _)| outlet.name.clone()),
            amount: claim.amount,
            printed_at: claim.local_time,
            filed_at: claim.filed_at.into(),
            waits_until: claim.open_until(book.claim_days).map(Timestamp),
            decided_at: claim.decided_at.map(Timestamp),
            purchase_id: claim.purchase.map(|purchase| purchase.0),
        }
    }
}

/// A page of claims.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyClaims {
    items: Vec<MyClaimView>,
    next: Option<String>,
}

/// Claims a purchase that never arrived, by its fiscal receipt.
#[utoipa::path(post, path = "/v1/me/claims", tag = "member", request_body = ClaimBody, responses(
    (status = 201, description = "the claim", body = MyClaimView),
    (status = 409, description = "credited or claimed already, or not in the programme", body = ProblemBody),
    (status = 422, description = "no receipt of a sale, too old, or ahead", body = ProblemBody)))]
pub async fn file(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    body: Json<ClaimBody>,
) -> Result<HttpResponse, Problem> {
    let (member, now, language) = (myself(&principal)?, app.now(), Language::of(&request));
    let fiscal = fiscal(Some(body.0.fiscal.trim()))?.ok_or_else(Problem::invalid)?;
    let (shared, nudged) = (app.clone().into_inner(), app.clone());
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let claim =
                claims::file(connection, &shared.books, member, &fiscal, now)?.map_err(refusals::claim)?;
            let at = claim.occurred_at.unwrap_or(claim.filed_at);
            if !identify::could_buy(connection, member, at)? {
                return Err(refusals::claim_without_card());
            }
            let book = shared.books.current(connection)?;
            Ok(MyClaimView::new(&claim, &book, language))
        })
        .await?;
    nudged.delivery.nudge();
    Ok(HttpResponse::Created().json(view))
}

/// My claims, the newest first.
#[utoipa::path(get, path = "/v1/me/claims", tag = "member", params(PageQuery), responses(
    (status = 200, description = "a page of claims", body = MyClaims),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (member, language) = (myself(&principal)?, Language::of(&request));
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<ClaimId> = list.after(query.0.after.as_deref())?;
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            let filter = ClaimFilter { member: Some(member), ..ClaimFilter::default() };
            let book = inner.books.current(connection)?;
            let page = claims::claims(connection, &filter, after, limit)?;
            Ok(page.map(|claim| MyClaimView::new(&claim, &book, language)))
        })
        .await?;
    Ok(list.answer(&page))
}
