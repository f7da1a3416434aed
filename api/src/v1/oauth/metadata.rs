//! What this authorization server can do, for programs that find their way by themselves (RFC 8414).

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::oauth::Scope;

/// The metadata of RFC 8414 §2.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthorizationServer)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    service_documentation: String,
    #[schema(value_type = Vec<String>)]
    scopes_supported: &'static [Scope],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 3],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    /// RFC 9207: every answer of the authorization endpoint names its issuer.
    authorization_response_iss_parameter_supported: bool,
}

/// Where what is, and which ways of OAuth 2.1 are taken.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "sign-in", responses(
    (status = 200, description = "the metadata", body = Metadata)))]
pub async fn show(app: web::Data<App>) -> web::Json<Metadata> {
    let issuer = app.settings.public_url();
    let at = |path: &str| format!("{issuer}{path}");
    let signing_in = ["client_secret_basic", "client_secret_post", "none"];
    web::Json(Metadata {
        authorization_endpoint: at("/v1/oauth/authorize"),
        token_endpoint: at("/v1/oauth/token"),
        revocation_endpoint: at("/v1/oauth/revoke"),
        jwks_uri: at("/.well-known/jwks.json"),
        service_documentation: at("/docs"),
        scopes_supported: Scope::ALL,
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
        token_endpoint_auth_methods_supported: signing_in,
        revocation_endpoint_auth_methods_supported: signing_in,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        issuer,
    })
}
