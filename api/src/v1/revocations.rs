//! The feed of revoked cards for tills without network.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use card_issuer::revocations::{self, Revocation};
use serde::Serialize;
use shared_kernel::paging::Page;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Principal;
use crate::extract::Query;
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// A card whose proofs are refused from a moment on, or taken again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Revocation)]
pub struct RevocationView {
    /// The first 12 bytes of SHA-256 over `unioncard revocation 1`, a zero byte and the 16 digits; base64url.
    card: String,
    /// `false`: taken again.
    revoked: bool,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A page of the feed; `next` is always there: ask with it later for what came since.
#[derive(Debug, Serialize, ToSchema)]
pub struct Revocations {
    items: Vec<RevocationView>,
    next: String,
}

/// Cards revoked while a proof of theirs may still be good. Without `after` all that can matter now.
#[utoipa::path(get, path = "/v1/cards/revocations", tag = "partner", params(PageQuery), responses(
    (status = 200, description = "in the order they were revoked", body = Revocations),
    (status = 422, description = "wrong `limit` or `after`", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?.items();
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place: Option<i64> = list.after(query.0.after.as_deref())?;
    let now = app.now();
    let (lines, next) = app
        .into_inner()
        .run(move |connection| Ok(revocations::after(connection, place, limit, now)?))
        .await?;
    Ok(list.answer(&Page { items: lines.iter().map(view).collect(), next: Some(next) }))
}

fn view(line: &Revocation) -> RevocationView {
    RevocationView { card: URL_SAFE_NO_PAD.encode(&line.card), revoked: line.revoked, at: line.at.into() }
}
