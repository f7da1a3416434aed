//! The public keys of our tokens.

use actix_web::{HttpResponse, web};

use crate::app::App;

/// The keys in force, as a JWK set (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "sign-in", responses((status = 200, description = "JWK set", body = serde_json::Value)))]
pub async fn keys(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=300"))
        .json(app.auth.keyring.published())
}
