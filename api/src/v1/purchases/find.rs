//! Purchases looked for: one by its receipt, or those that wait to be captured.

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::PurchaseId;
use cashback_engine::posting::ReceiptKey;
use cashback_engine::purchases::{self, PurchaseStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{PurchaseView, bound_to, is_within, readable_by};
use crate::app::App;
use crate::auth::Principal;
use crate::extract::Query;
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::{self, List};

/// Which purchase, by its receipt; or which purchases, by their status.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindQuery {
    /// The outlet's code; of a list it may be left out.
    outlet: Option<String>,
    /// The receipt: the answer is this purchase.
    receipt: Option<String>,
    /// `authorized`: the answer is the list of what is neither captured nor voided, the newest first.
    #[param(value_type = Option<String>)]
    status: Option<PurchaseStatus>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of purchases.
#[derive(Debug, Serialize, ToSchema)]
pub struct Purchases {
    items: Vec<PurchaseView>,
    next: Option<String>,
}

/// A purchase or a page of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only describes the answer in the OpenAPI document")]
pub enum Found {
    /// By receipt.
    One(Box<PurchaseView>),
    /// By status.
    Page(Purchases),
}

/// A purchase by its receipt (`outlet` and `receipt`), as it is now; or the list of purchases that are authorised
/// (`status=authorized`).
#[utoipa::path(get, path = "/v1/purchases", tag = "partner", params(FindQuery), responses(
    (status = 200, description = "the purchase, or a page of them", body = Found),
    (status = 404, body = ProblemBody, description = "none, or not yours"),
    (status = 422, body = ProblemBody, description = "neither a receipt nor a status to look for")))]
pub async fn find(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<FindQuery>,
) -> Result<HttpResponse, Problem> {
    match query.0 {
        FindQuery {
            outlet: Some(outlet),
            receipt: Some(receipt),
            status: None,
            limit: None,
            after: None,
        } => by_receipt(app, &principal, ReceiptKey { outlet, receipt }).await,
        FindQuery { outlet, receipt: None, status: Some(PurchaseStatus::Authorized), limit, after } => {
            authorized(app, &request, &principal, (outlet, limit, after)).await
        }
        _ => Err(Problem::invalid_field(
            "receipt",
            "give outlet and receipt, or status=authorized",
            "нужны outlet и receipt или status=authorized",
        )),
    }
}

async fn by_receipt(
    app: web::Data<App>,
    principal: &Principal,
    key: ReceiptKey,
) -> Result<HttpResponse, Problem> {
    let (partner, outlets) = (readable_by(principal)?, bound_to(principal));
    let shared = app.clone().into_inner();
    let purchase = app
        .into_inner()
        .run(move |connection| {
            purchases::purchase_by_receipt(connection, &shared.books, &key, partner)?
                .filter(|purchase| is_within(&outlets, &purchase.outlet))
                .ok_or_else(Problem::not_found)
        })
        .await?;
    Ok(HttpResponse::Ok().json(PurchaseView::now(&purchase)))
}

async fn authorized(
    app: web::Data<App>,
    request: &HttpRequest,
    principal: &Principal,
    (outlet, limit, after): (Option<String>, Option<i64>, Option<String>),
) -> Result<HttpResponse, Problem> {
    let (partner, own) = (readable_by(principal)?, bound_to(principal));
    let limit = paging::limit(limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, request, principal);
    let after: Option<PurchaseId> = list.after(after.as_deref())?;
    // An outlet of somebody else's has nothing to show, as one that never was.
    let outlets = match outlet {
        Some(outlet) if !is_within(&own, &outlet) => return Err(Problem::not_found()),
        Some(outlet) => vec![outlet],
        None => own,
    };
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            Ok(purchases::authorized(connection, &inner.books, (partner, &outlets), after, limit)?)
        })
        .await?;
    Ok(list.answer(&page.map(|purchase| PurchaseView::now(&purchase))))
}
