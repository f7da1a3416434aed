//! A wallet gives its connection back (RFC 7009).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::client::invalid_request;
use crate::app::App;
use crate::auth::oauth::grants;
use crate::auth::token::Realm;
use crate::extract::{Form, Later};
use crate::problem::{Problem, ProblemBody};

/// Which token; the app's id and secret may be in a Basic `Authorization` header instead.
#[derive(Deserialize, ToSchema)]
pub struct RevokeForm {
    /// A refresh token, or an access token.
    token: String,
    /// Taken and not needed.
    #[allow(dead_code, reason = "RFC 7009 §2.1 lets a server look for both kinds whatever the hint says")]
    token_type_hint: Option<String>,
    client_id: Option<String>,
    /// A public app has none.
    client_secret: Option<String>,
}

/// Ends the connection a wallet's token belongs to: its refresh tokens and its access tokens, at once. A token nobody
/// knows, or another app's, is answered alike, and nothing ends.
#[utoipa::path(post, path = "/v1/oauth/revoke", tag = "sign-in",
    request_body(content = RevokeForm, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, description = "it is over, or never was"),
    (status = 400, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "invalid_client", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "too many wrong secrets", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn revoke(
    app: web::Data<App>,
    request: HttpRequest,
    form: Later<Form<RevokeForm>>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let RevokeForm { token, client_id, client_secret, .. } = form.map_err(invalid_request)?.0;
    let client = super::wallet(&app, &request, (client_id, client_secret)).await?;
    let of_access = match app.auth.keyring.verify(&app, &token).await {
        Ok(verified) if verified.realm == Realm::Wallet => verified.session,
        Err(problem) if problem.status().is_server_error() => return Err(problem),
        _ => None,
    };
    let shared = app.clone();
    app.transaction(move |connection| {
        Ok(grants::give_back(&shared, connection, &client, (&token, of_access))?)
    })
    .await?;
    Ok(HttpResponse::Ok().finish())
}
