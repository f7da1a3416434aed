//! Cards for a whole organisation: how many that would be, ordering them, how far an order is.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::cards::CardKind;
use card_issuer::orders::{self, NewOrder, Order, OrderId};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::OrganisationId;
use shared_kernel::paging::Page;
use union_registry::organisations::{self, OrganisationRef};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Query};
use crate::print::orders::wanting;
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::money::PageQuery;
use crate::v1::organisations::OrganisationRefView;
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// Whose cards, and which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantingQuery {
    /// The code of the subtree's root.
    organisation: String,
    /// `plastic` or `virtual`.
    #[param(value_type = String)]
    kind: CardKind,
}

/// How many cards an order would make.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardsWanting)]
pub struct WantingView {
    /// Active members looked at.
    members: usize,
    /// Of them without a card of the kind.
    wanting: usize,
    /// There are more members than were looked at.
    more: bool,
}

/// A card for every active member of a subtree who has none of the kind.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CardOrderBody)]
pub struct OrderBody {
    /// The code of the subtree's root.
    organisation: String,
    /// `plastic` or `virtual`.
    #[schema(value_type = String)]
    kind: CardKind,
}

/// An order of cards for an organisation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardOrder)]
pub struct OrderView {
    #[schema(value_type = uuid::Uuid)]
    id: OrderId,
    organisation: OrganisationRefView,
    /// `plastic` or `virtual`.
    kind: &'static str,
    /// `queued`, `running`, `done` or `failed`.
    status: &'static str,
    /// Members when it was placed, the suspended included: about what the next two come to.
    members: i64,
    /// Cards made so far.
    issued: i64,
    /// Members so far who had one.
    skipped: i64,
    /// Why it was given up: `numbers-exhausted`. What was made stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardOrders)]
pub struct Orders {
    items: Vec<OrderView>,
    next: Option<String>,
}

impl OrderView {
    fn many(connection: &mut PgConnection, orders: Vec<Order>) -> Result<Vec<Self>, Problem> {
        let places: Vec<OrganisationId> = orders.iter().map(|order| order.organisation_id).collect();
        let organisations: HashMap<OrganisationId, OrganisationRef> =
            organisations::by_ids(connection, &places)?.into_iter().map(|one| (one.id, one)).collect();
        let view = |order: Order| {
            Some(Self {
                id: order.id,
                organisation: organisations.get(&order.organisation_id)?.into(),
                kind: order.kind.as_str(),
                status: order.status.as_str(),
                members: order.members,
                issued: order.issued,
                skipped: order.skipped,
                problem: order.problem,
                placed_at: Timestamp(order.placed_at),
                ended_at: order.ended_at.map(Timestamp),
            })
        };
        Ok(orders.into_iter().filter_map(view).collect())
    }

    fn one(connection: &mut PgConnection, order: Order) -> Result<Self, Problem> {
        Self::many(connection, vec![order])?.pop().ok_or_else(Problem::not_found)
    }
}

/// How many cards an order would make. Beyond 100,000 members it says so.
#[utoipa::path(get, path = "/v1/card-orders/wanting", tag = "office", params(WantingQuery), responses(
    (status = 200, description = "how many", body = WantingView),
    (status = 404, description = "no such organisation, or not yours", body = ProblemBody),
    (status = 422, description = "no such kind", body = ProblemBody)))]
pub async fn how_many(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    query: Query<WantingQuery>,
) -> Result<web::Json<WantingView>, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let found = app
        .into_inner()
        .run(move |connection| {
            let organisation =
                scope::organisation(connection, &principal, &query.0.organisation)?.organisation;
            wanting(connection, &organisation.code, query.0.kind, now)
        })
        .await?;
    Ok(web::Json(WantingView { members: found.members, wanting: found.wanting, more: found.more }))
}

/// Orders a card for every active member of a subtree who has none of the kind. While such an order is under way, asking
/// again answers that one.
#[utoipa::path(post, path = "/v1/card-orders", tag = "office", request_body = OrderBody, responses(
    (status = 202, description = "placed, or under way already", body = OrderView),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn place(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<OrderBody>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let named = (body.0.organisation.as_str(), "#/organisation");
            let listed = scope::organisation_at(connection, &principal, named)?;
            let (organisation, by) = (listed.organisation.id, principal.key());
            let new = NewOrder { organisation, kind: body.0.kind, members: listed.members, by: &by };
            let (order, placed) = orders::place(connection, &new, now)?;
            if placed {
                let subject = order.id.to_string();
                shared.auth.audit.append(connection, now, &by, "cards.ordered", &subject)?;
            }
            OrderView::one(connection, order)
        })
        .await?;
    let address = format!("/v1/card-orders/{}", view.id);
    Ok(HttpResponse::Accepted().insert_header(("Location", address)).json(view))
}

/// Orders for organisations of one's subtree, the newest first.
#[utoipa::path(get, path = "/v1/card-orders", tag = "office", params(PageQuery), responses(
    (status = 200, description = "a page of orders", body = Orders),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<OrderId> = list.after(query.0.after.as_deref())?;
    let asking = principal.clone();
    let page = app
        .into_inner()
        .run(move |connection| {
            let own = scope::subtree(connection, &asking)?;
            let page = orders::list(connection, own.as_deref(), after, limit)?;
            Ok(Page { items: OrderView::many(connection, page.items)?, next: page.next })
        })
        .await?;
    Ok(list.answer(&page))
}

/// How far an order is.
#[utoipa::path(get, path = "/v1/card-orders/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "the order", body = OrderView),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<OrderId>,
) -> Result<web::Json<OrderView>, Problem> {
    let principal = principal.into_inner();
    let view = app
        .into_inner()
        .run(move |connection| {
            let order = orders::find(connection, id.0)?.ok_or_else(Problem::not_found)?;
            scope::within(connection, &principal, order.organisation_id)?;
            OrderView::one(connection, order)
        })
        .await?;
    Ok(web::Json(view))
}
