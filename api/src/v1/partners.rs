//! Partners and their outlets, for the office; and the settings every purchase there is judged by.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::PartnerId;
use cashback_engine::partners::{self, HeldRate, Outlet, Partner, PartnerChanges};
use serde::{Deserialize, Serialize};
use shared_kernel::money::{Money, Rate};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Later, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// A partner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Partner)]
pub struct PartnerView {
    code: String,
    name: String,
    /// The union's commission, of what is paid.
    #[schema(value_type = String, example = "0.02")]
    commission_rate: Rate,
    /// The largest share of a purchase payable with points.
    #[schema(value_type = String, example = "0.5")]
    redeem_share: Rate,
    /// The least that is paid with points, if any is.
    #[schema(value_type = String, example = "0.00")]
    redeem_least: Money,
    /// Whether its tills book points as a counter-provision: the fiscal receipt's sum is the whole amount then, not
    /// what was paid.
    counter_provision: bool,
    outlets: Vec<OutletView>,
}

/// An outlet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Outlet)]
pub struct OutletView {
    code: String,
    name: String,
    town: String,
    /// IANA time zone: days and hours of rules are judged in it.
    zone: String,
}

impl From<&Outlet> for OutletView {
    fn from(outlet: &Outlet) -> Self {
        Self {
            code: outlet.code.clone(),
            name: outlet.name.clone(),
            town: outlet.town.clone(),
            zone: outlet.zone.clone(),
        }
    }
}

/// A partner with all the commission rates there were.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerRecord {
    #[serde(flatten)]
    partner: PartnerView,
    /// The present one first. What happened under one of them is charged it, however late it comes.
    commission_rates: Vec<HeldRateView>,
}

/// A commission rate and when it held.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommissionRate)]
struct HeldRateView {
    #[schema(value_type = String, example = "0.02")]
    rate: Rate,
    /// Since when; missing for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Until when; missing for the present one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl From<HeldRate> for HeldRateView {
    fn from(held: HeldRate) -> Self {
        Self { rate: held.rate, from: held.from.map(Timestamp), until: held.until.map(Timestamp) }
    }
}

/// A page of partners.
#[derive(Debug, Serialize, ToSchema)]
pub struct Partners {
    items: Vec<PartnerView>,
    next: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PartnersQuery {
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Partners by code, with their outlets.
#[utoipa::path(get, path = "/v1/partners", tag = "finance", params(PartnersQuery), responses(
    (status = 200, description = "a page of partners", body = Partners),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PartnersQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<String> = list.after(query.0.after.as_deref())?;
    let page = app
        .into_inner()
        .run(move |connection| {
            let page = partners::list(connection, after.as_deref(), limit)?;
            let mut outlets: HashMap<PartnerId, Vec<Outlet>> = HashMap::new();
            for partner in &page.items {
                outlets.insert(partner.id, partners::outlets(connection, partner.id)?);
            }
            Ok(page.map(|partner| view(&partner, outlets.remove(&partner.id).unwrap_or_default())))
        })
        .await?;
    Ok(list.answer(&page))
}

/// One partner with its outlets, settings and commission rates.
#[utoipa::path(get, path = "/v1/partners/{code}", tag = "finance", params(("code" = String, Path)), responses(
    (status = 200, description = "the partner", body = PartnerRecord),
    (status = 404, description = "no such partner", body = ProblemBody)))]
pub async fn show(app: web::Data<App>, code: IdPath<String>) -> Result<web::Json<PartnerRecord>, Problem> {
    let record = app
        .into_inner()
        .run(move |connection| {
            let found = partners::find(connection, &code.0)?.ok_or_else(Problem::not_found)?;
            let rates = partners::rates(connection, &found)?;
            Ok(PartnerRecord {
                commission_rates: rates.into_iter().map(HeldRateView::from).collect(),
                partner: view(&found, partners::outlets(connection, found.id)?),
            })
        })
        .await?;
    Ok(web::Json(record))
}

/// What to change of a partner's settings; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerChanges)]
pub struct ChangesBody {
    /// For what happens from now on; what happened before is charged the rate of its moment, however late it comes.
    #[schema(value_type = Option<String>, example = "0.02")]
    commission_rate: Option<Rate>,
    #[schema(value_type = Option<String>, example = "0.5")]
    redeem_share: Option<Rate>,
    #[schema(value_type = Option<String>, example = "10.00")]
    redeem_least: Option<Money>,
    counter_provision: Option<bool>,
}

/// Changes a partner's settings, for purchases from now on; those posted keep what they were judged by.
#[utoipa::path(patch, path = "/v1/partners/{code}", tag = "finance", params(("code" = String, Path)),
    request_body = ChangesBody, responses(
    (status = 200, description = "the partner now", body = PartnerView),
    (status = 404, description = "no such partner", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn change(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    code: IdPath<String>,
    body: Later<Json<ChangesBody>>,
) -> Result<web::Json<PartnerView>, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let changed = app
        .into_inner()
        .transaction(move |connection| {
            if scope::root(&principal)?.is_some() {
                return Err(Problem::forbidden());
            }
            let found = partners::find(connection, &code.0)?.ok_or_else(Problem::not_found)?;
            let changed = partners::change(connection, &found.code, &changes(body?.0), now)?;
            shared.auth.audit.append(connection, now, &principal.key(), "partner.changed", &changed.code)?;
            Ok(view(&changed, partners::outlets(connection, changed.id)?))
        })
        .await?;
    Ok(web::Json(changed))
}

fn changes(asked: ChangesBody) -> PartnerChanges {
    PartnerChanges {
        commission_rate: asked.commission_rate,
        redeem_share: asked.redeem_share,
        redeem_least: asked.redeem_least,
        fiscal_counts_points: asked.counter_provision,
    }
}

fn view(partner: &Partner, outlets: Vec<Outlet>) -> PartnerView {
    PartnerView {
        code: partner.code.clone(),
        name: partner.name.clone(),
        commission_rate: partner.commission_rate,
        redeem_share: partner.redeem_share,
        redeem_least: partner.redeem_least,
        counter_provision: partner.fiscal_counts_points,
        outlets: outlets.iter().map(OutletView::from).collect(),
    }
}
