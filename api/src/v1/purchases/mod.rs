//! Purchases: quoted, posted alone or in a batch, looked up, refunded, captured, voided, explained.

mod body;
mod explanation;
mod find;
mod view;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::explanation::explanation as explanation_of;
use cashback_engine::posting::Source;
use cashback_engine::{PartnerId, PurchaseId, purchases, refunds, two_step};
use diesel::pg::PgConnection;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub use body::{CaptureBody, LineBody, PurchaseBody, RefundBody, Shown, asker, credential, fiscal};
pub use explanation::{ExplanationView, names_of};
pub use find::{__path_find, find};
pub use view::{BalanceView, PurchaseView};

use crate::app::App;
use crate::auth::{Principal, Role};
use crate::extract::{IdPath, Json, Later, NoBody, OptionalJson};
use crate::posting::{Order, batch};
use crate::problem::{Language, Problem, ProblemBody};
use crate::refusals;

/// Most purchases of one batch.
const BATCH_MAX: usize = 1_000;

/// Posts a purchase, or answers it again when it is there.
#[utoipa::path(post, path = "/v1/purchases", tag = "partner", request_body = PurchaseBody, responses(
    (status = 201, description = "posted", body = PurchaseView),
    (status = 200, description = "was there", body = PurchaseView),
    (status = 409, description = "other content, or not possible with this card", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody),
    (status = 503, description = "try again after `Retry-After`", body = ProblemBody)))]
pub async fn post(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<PurchaseBody>,
) -> Result<HttpResponse, Problem> {
    let source = if principal.staff().is_some() { Source::Till } else { Source::Api };
    let order = body.0.order(&app, asker(&principal, source)?)?;
    let answer = app.posting.post(vec![order]).await?.pop().unwrap_or_else(|| Err(Problem::unavailable()))?;
    let mut response = if answer.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    response.insert_header(("Location", format!("/v1/purchases/{}", answer.purchase.id)));
    Ok(response.json(PurchaseView::given(&answer)))
}

/// What a purchase would bring; nothing is posted, no code is used up.
#[utoipa::path(post, path = "/v1/purchases/quote", tag = "partner", request_body = PurchaseBody, responses(
    (status = 200, description = "what posting would answer", body = PurchaseView),
    (status = 409, description = "would be refused", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn quote(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<PurchaseBody>,
) -> Result<web::Json<PurchaseView>, Problem> {
    let source = if principal.staff().is_some() { Source::Till } else { Source::Api };
    let order = body.0.order(&app, asker(&principal, source)?)?;
    let shared = app.clone().into_inner();
    let answer = app.into_inner().run(move |connection| batch::quote(&shared, connection, &order)).await?;
    Ok(web::Json(PurchaseView::given(&answer)))
}

/// Up to 1,000 purchases; each stands alone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    /// The purchases, in the order of their answers.
    #[schema(value_type = Vec<PurchaseBody>)]
    purchases: Vec<Box<RawValue>>,
}

/// The answers to a batch, in its order.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct BatchView {
    results: Vec<BatchResult>,
}

/// The answer to one purchase of a batch.
#[derive(Debug, serde::Serialize, ToSchema)]
struct BatchResult {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<PurchaseView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody>,
}

/// Posts up to 1,000 purchases in one go.
#[utoipa::path(post, path = "/v1/purchases/batch", tag = "partner", request_body = BatchBody, responses(
    (status = 200, description = "an answer each, in order", body = BatchView),
    (status = 422, description = "no purchases, or too many", body = ProblemBody)))]
pub async fn post_batch(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    body: Json<BatchBody>,
) -> Result<web::Json<BatchView>, Problem> {
    let language = Language::of(&request);
    let purchases = body.0.purchases;
    if purchases.is_empty() || purchases.len() > BATCH_MAX {
        return Err(Problem::invalid_field(
            "#/purchases",
            "must have 1 to 1000 purchases",
            "от 1 до 1000 покупок",
        ));
    }
    let asker = asker(&principal, Source::Batch)?;
    let read: Vec<Result<Order, Problem>> = purchases
        .iter()
        .map(|one| PurchaseBody::read(one).and_then(|body| body.order(&app, asker.clone())))
        .collect();
    let orders: Vec<Order> = read.iter().filter_map(|one| one.as_ref().ok().cloned()).collect();
    let mut answers =
        if orders.is_empty() { Vec::new() } else { app.posting.post(orders).await? }.into_iter();
    let mut results = Vec::with_capacity(read.len());
    for one in read {
        let answer = one.and_then(|_| answers.next().unwrap_or_else(|| Err(Problem::unavailable())));
        results.push(match answer {
            Ok(answer) => BatchResult {
                status: if answer.created { 201 } else { 200 },
                purchase: Some(PurchaseView::given(&answer)),
                problem: None,
            },
            Err(problem) => BatchResult {
                status: problem.status().as_u16(),
                purchase: None,
                problem: Some(problem.body(language)),
            },
        });
    }
    Ok(web::Json(BatchView { results }))
}

/// Whose purchases a principal may read: a partner's own; finance, controllers and auditors all.
fn readable_by(principal: &Principal) -> Result<Option<PartnerId>, Problem> {
    match principal {
        Principal::Client { partner, .. } => Ok(Some(*partner)),
        Principal::Staff(staff) => match staff.role {
            Role::Finance | Role::Controller | Role::Auditor | Role::Administrator => Ok(None),
            _ => staff.partner.map(Some).ok_or_else(Problem::forbidden),
        },
        Principal::Member { .. } | Principal::Wallet { .. } => Err(Problem::forbidden()),
    }
}

/// The outlets a cashier is bound to; none is all of the partner's.
fn bound_to(principal: &Principal) -> Vec<String> {
    principal.staff().map(|staff| staff.outlets.clone()).unwrap_or_default()
}

fn is_within(outlets: &[String], outlet: &str) -> bool {
    outlets.is_empty() || outlets.iter().any(|own| own == outlet)
}

/// Finds a purchase of the principal's partner, and of the outlets a cashier is bound to; another's is none. Whatever
/// was sent along is looked at afterwards.
fn own(
    app: &App,
    connection: &mut PgConnection,
    outlets: &[String],
    (id, partner): (PurchaseId, PartnerId),
) -> Result<(), Problem> {
    purchases::purchase(connection, &app.books, id, Some(partner))?
        .filter(|purchase| is_within(outlets, &purchase.outlet))
        .map(|_| ())
        .ok_or_else(Problem::not_found)
}

/// A purchase as it is now.
#[utoipa::path(get, path = "/v1/purchases/{id}", tag = "partner", params(("id" = String, Path)), responses(
    (status = 200, description = "the purchase", body = PurchaseView), (status = 404, body = ProblemBody, description = "none, or not yours")))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<PurchaseId>,
) -> Result<web::Json<PurchaseView>, Problem> {
    let (partner, outlets) = (readable_by(&principal)?, bound_to(&principal));
    let shared = app.clone().into_inner();
    let purchase = app
        .into_inner()
        .run(move |connection| {
            purchases::purchase(connection, &shared.books, id.0, partner)?
                .filter(|purchase| is_within(&outlets, &purchase.outlet))
                .ok_or_else(Problem::not_found)
        })
        .await?;
    Ok(web::Json(PurchaseView::now(&purchase)))
}

/// Refunds a purchase by amount or by lines; again with the same reference and content, the same answer.
#[utoipa::path(post, path = "/v1/purchases/{id}/refunds", tag = "partner", params(("id" = String, Path)), request_body = RefundBody, responses(
    (status = 201, description = "refunded: the purchase as it is now", body = PurchaseView),
    (status = 200, description = "was refunded so before", body = PurchaseView),
    (status = 409, description = "other content, or not possible in this state", body = ProblemBody),
    (status = 422, description = "wrong fields, or more than is left", body = ProblemBody)))]
pub async fn refund(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<PurchaseId>,
    body: Later<Json<RefundBody>>,
) -> Result<HttpResponse, Problem> {
    let partner = principal.partner().ok_or_else(Problem::forbidden)?;
    let outlets = bound_to(&principal);
    let now = app.now();
    let shared = app.clone().into_inner();
    let nudged = app.clone();
    let refunded = app
        .into_inner()
        .transaction(move |connection| {
            own(&shared, connection, &outlets, (id.0, partner))?;
            let asked = body?.0.refund(id.0, partner, now)?;
            let refunded = refunds::refund(connection, &shared.books, &[asked], now)?.pop();
            refunded.ok_or_else(Problem::unavailable)?.map_err(|refusal| refusals::purchase(&refusal))
        })
        .await?;
    nudged.delivery.nudge();
    let mut response = if refunded.replayed { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(response.json(PurchaseView::now(&refunded.purchase)))
}

/// Captures an authorised purchase, for the same or less; all of it without a body.
#[utoipa::path(post, path = "/v1/purchases/{id}/capture", tag = "partner", params(("id" = String, Path)), request_body = Option<CaptureBody>, responses(
    (status = 200, description = "captured: the purchase as it is now; where a claim of this very sale was approved meanwhile, the claim’s", body = PurchaseView),
    (status = 409, description = "not possible in this state", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn capture(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<PurchaseId>,
    body: Later<OptionalJson<CaptureBody>>,
) -> Result<web::Json<PurchaseView>, Problem> {
    let partner = principal.partner().ok_or_else(Problem::forbidden)?;
    let outlets = bound_to(&principal);
    let now = app.now();
    let shared = app.clone().into_inner();
    let purchase = app
        .into_inner()
        .transaction(move |connection| {
            own(&shared, connection, &outlets, (id.0, partner))?;
            let part = body?.0.unwrap_or_default().part()?;
            two_step::capture(connection, &shared.books, (id.0, Some(partner)), part.as_ref(), now)?
                .map_err(|refusal| refusals::purchase(&refusal))
        })
        .await?;
    Ok(web::Json(PurchaseView::now(&purchase)))
}

/// Gives up an authorised purchase: what it reserved is free again.
#[utoipa::path(post, path = "/v1/purchases/{id}/void", tag = "partner", params(("id" = String, Path)), responses(
    (status = 200, description = "voided: the purchase as it is now", body = PurchaseView),
    (status = 409, description = "not possible in this state", body = ProblemBody)))]
pub async fn void(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<PurchaseId>,
    body: Later<NoBody>,
) -> Result<web::Json<PurchaseView>, Problem> {
    let partner = principal.partner().ok_or_else(Problem::forbidden)?;
    let outlets = bound_to(&principal);
    let now = app.now();
    let shared = app.clone().into_inner();
    let purchase = app
        .into_inner()
        .transaction(move |connection| {
            own(&shared, connection, &outlets, (id.0, partner))?;
            body?;
            two_step::void(connection, &shared.books, (id.0, Some(partner)), now)?
                .map_err(|refusal| refusals::purchase(&refusal))
        })
        .await?;
    Ok(web::Json(PurchaseView::now(&purchase)))
}

/// Why a purchase brought what it brought: each rule that applied and each that didn't.
#[utoipa::path(get, path = "/v1/purchases/{id}/explanation", tag = "member", params(("id" = String, Path)), responses(
    (status = 200, description = "the explanation", body = ExplanationView), (status = 404, body = ProblemBody, description = "none, or not yours")))]
pub async fn explain(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    id: IdPath<PurchaseId>,
) -> Result<web::Json<ExplanationView>, Problem> {
    let language = Language::of(&request);
    let member = principal.member();
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .run(move |connection| {
            let purchase =
                purchases::purchase(connection, &shared.books, id.0, None)?.ok_or_else(Problem::not_found)?;
            if member.is_some_and(|member| member != purchase.member) {
                return Err(Problem::not_found());
            }
            let explanation =
                explanation_of(connection, &shared.books, id.0)?.ok_or_else(Problem::not_found)?;
            let names = names_of(connection, std::slice::from_ref(&explanation))?;
            Ok(ExplanationView::new(id.0.0, &explanation, (language, shared.zone), &names))
        })
        .await?;
    Ok(web::Json(view))
}
