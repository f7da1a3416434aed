//! Partners and their outlets, for the office.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::PartnerId;
use cashback_engine::partners::{self, Outlet, Partner};
use serde::{Deserialize, Serialize};
use shared_kernel::money::{Money, Rate};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Principal;
use crate::extract::Query;
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::{self, List};

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

fn view(partner: &Partner, outlets: Vec<Outlet>) -> PartnerView {
    PartnerView {
        code: partner.code.clone(),
        name: partner.name.clone(),
        commission_rate: partner.commission_rate,
        redeem_share: partner.redeem_share,
        redeem_least: partner.redeem_least,
        outlets: outlets.iter().map(OutletView::from).collect(),
    }
}
