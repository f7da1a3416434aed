//! A member's balances and operations.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::balances;
use cashback_engine::operations::{self, Operation, OperationKey};
use cashback_engine::texts::{self, Reader};
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use shared_kernel::money::Money;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::Query;
use crate::problem::{Language, Problem, ProblemBody};
use crate::v1::paging::{self, List};
use crate::v1::purchases::names_of;
use crate::v1::types::Timestamp;

/// A member's balances.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Balance)]
pub struct MyBalance {
    /// `RUB`
    currency: &'static str,
    /// Earned, inside the return window.
    #[schema(value_type = String, example = "215.40")]
    pending: Money,
    /// Can be spent.
    #[schema(value_type = String, example = "1437.83")]
    available: Money,
    /// Held for a redemption or payout.
    #[schema(value_type = String, example = "0.00")]
    reserved: Money,
    /// Taken back after it was spent.
    #[schema(value_type = String, example = "0.00")]
    debt: Money,
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// What expires, soonest first.
    expiring: Vec<ExpiringView>,
}

/// An amount that expires at the end of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Expiring)]
struct ExpiringView {
    #[schema(value_type = String, example = "120.00")]
    amount: Money,
    on: NaiveDate,
}

/// My balances as of now.
#[utoipa::path(get, path = "/v1/me/balance", tag = "member", responses((status = 200, description = "the balances", body = MyBalance)))]
pub async fn balance(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
) -> Result<web::Json<MyBalance>, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let shared = app.clone().into_inner();
    let found = app
        .into_inner()
        .run(move |connection| Ok(balances::balance(connection, &shared.books, member, now)?))
        .await?;
    Ok(web::Json(MyBalance {
        currency: "RUB",
        pending: found.balance.pending,
        available: found.balance.available,
        reserved: found.balance.reserved,
        debt: found.balance.debt,
        as_of: found.as_of.into(),
        expiring: found.expiring.iter().map(|e| ExpiringView { amount: e.amount, on: e.on }).collect(),
    }))
}

/// One operation, from the member's view.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Operation)]
struct OperationView {
    id: Uuid,
    /// `purchase`, `refund`, `redemption`, `release`, `expiry`, `adjustment`, `debt`, ...
    kind: String,
    /// What it did to the balances, with its sign.
    #[schema(value_type = String, example = "52.50")]
    amount: Money,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    partner: Option<PartnerRefView>,
    purchase_id: Option<Uuid>,
    status: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    available_at: Option<Timestamp>,
    expires_on: Option<NaiveDate>,
    /// Why this sum, in sentences.
    explanation: Vec<String>,
}

/// A partner by code and name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PartnerRef)]
pub struct PartnerRefView {
    code: String,
    name: String,
}

impl PartnerRefView {
    /// A partner by its code and name.
    pub fn new(code: &str, name: &str) -> Self {
        Self { code: code.to_owned(), name: name.to_owned() }
    }
}

/// A page of operations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Operations {
    items: Vec<OperationView>,
    next: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// 1 to 200; 50 unless said.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl PageQuery {
    /// `limit` and `after`, for [`List::place`].
    pub fn asked(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.after.as_deref())
    }
}

/// My operations, the newest first.
#[utoipa::path(get, path = "/v1/me/operations", tag = "member", params(PageQuery), responses(
    (status = 200, description = "a page of operations", body = Operations),
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
    let after: Option<OperationKey> = list.after(query.0.after.as_deref())?;
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            let page = operations::operations(connection, &inner.books, member, after, limit)?;
            let names = names_of(connection, page.items.iter().filter_map(|o| o.explanation.as_ref()))?;
            Ok(page.map(|operation| view(operation, (language, inner.zone), &names)))
        })
        .await?;
    Ok(list.answer(&page))
}

fn view(
    operation: Operation,
    (language, zone): (Language, Tz),
    names: &HashMap<String, String>,
) -> OperationView {
    let reader = Reader { language: language.engine(), zone, names };
    let explanation = operation
        .explanation
        .as_ref()
        .map(|explanation| texts::sentences(explanation, reader))
        .unwrap_or_else(|| operation.reason.into_iter().collect());
    OperationView {
        id: operation.id,
        kind: operation.kind.to_string(),
        amount: operation.amount,
        at: operation.at.into(),
        partner: operation.partner.map(|(code, name)| PartnerRefView { code, name }),
        purchase_id: operation.purchase.map(|id| id.0),
        status: operation.status.map(|status| status.to_string()),
        available_at: operation.available_at.map(Timestamp),
        expires_on: operation.expires_on,
        explanation,
    }
}
