//! The public keys of our tokens and of the proofs for tills without network.

use actix_web::{HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use card_issuer::proof;
use serde_json::json;

use crate::app::App;
use crate::problem::Problem;

/// The keys in force, as a JWK set (RFC 7517). Those named `proof-…` check proofs; the one of the next quarter is there
/// ahead of its time, for tills that are long without network.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "sign-in", responses((status = 200, description = "JWK set", body = serde_json::Value)))]
pub async fn keys(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let tokens =
        serde_json::to_value(app.auth.keyring.published().keys).map_err(|error| Problem::internal(&error))?;
    let proofs = proof::public_keys(&app.derived.issuer, app.now()).into_iter().map(|key| {
        json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": key.kid, "x": URL_SAFE_NO_PAD.encode(key.bytes),
        })
    });
    let keys: Vec<_> = tokens.as_array().cloned().unwrap_or_default().into_iter().chain(proofs).collect();
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=300"))
        .json(json!({ "keys": keys })))
}
