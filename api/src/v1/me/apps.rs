//! The wallets of others that show my card: seen, and disconnected one by one.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::PageQuery;
use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::auth::oauth::Scope;
use crate::auth::oauth::grants::{self, Connected};
use crate::extract::{IdPath, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::List;
use crate::v1::types::Timestamp;

/// An app that sees something of mine.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectedApp)]
pub struct ConnectedView {
    id: Uuid,
    /// The app's name.
    name: String,
    /// What I allowed: of `card`, `card:code`, `balance`.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    #[schema(value_type = Option<String>, format = DateTime)]
    connected_at: Option<Timestamp>,
    /// When it last took a token; one lives a quarter of an hour.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// Then it has to ask me anew.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
}

impl From<Connected> for ConnectedView {
    fn from(connected: Connected) -> Self {
        Self {
            id: connected.id,
            name: connected.name,
            scopes: connected.scopes.iter().collect(),
            connected_at: connected.connected_at.map(Timestamp),
            last_used_at: connected.last_used_at.map(Timestamp),
            ends_at: connected.ends_at.into(),
        }
    }
}

/// My connected apps.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectedApps {
    items: Vec<ConnectedView>,
    next: Option<String>,
}

/// The apps that show my card, the latest first.
#[utoipa::path(get, path = "/v1/me/apps", tag = "member", params(PageQuery), responses(
    (status = 200, description = "the apps", body = ConnectedApps),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let found =
        app.into_inner().run(move |connection| Ok(grants::of_member(connection, member, now)?)).await?;
    Ok(list.answer(&place.of(found).map(ConnectedView::from)))
}

/// Disconnects an app: from now on it sees nothing.
#[utoipa::path(delete, path = "/v1/me/apps/{id}", tag = "member", params(("id" = String, Path)), responses(
    (status = 204, description = "disconnected"),
    (status = 404, description = "no such app of yours", body = ProblemBody)))]
pub async fn disconnect(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
) -> Result<HttpResponse, Problem> {
    let member = myself(&principal)?;
    let shared = app.clone().into_inner();
    app.into_inner()
        .transaction(move |connection| {
            let ended = grants::revoke(&shared, connection, member, id.0)?;
            if ended { Ok(()) } else { Err(Problem::not_found()) }
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
