//! Programs get tokens (RFC 6749): a partner's by its secret, another wallet by a member's consent (OAuth 2.1).

pub mod authorize;
mod client;
pub mod metadata;
pub mod revoke;

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::client::{Credentials, credentials, invalid_request, wrong_client};
use crate::app::App;
use crate::auth::oauth::Scopes;
use crate::auth::oauth::apps::{self, WalletApp};
use crate::auth::oauth::grants::{self, Denied, Issued, Presented};
use crate::auth::sessions::ACCESS_LIFE;
use crate::auth::token::Realm;
use crate::auth::{clients, limits};
use crate::extract::{Form, Later};
use crate::problem::{Problem, ProblemBody};

/// What a program asks with; its id and secret may be in a Basic `Authorization` header instead. Parameters that are
/// not listed (`resource`) are taken and not looked at, as RFC 6749 §3.2 wants.
#[derive(Deserialize, ToSchema)]
pub struct TokenForm {
    /// `client_credentials` for a partner's program; `authorization_code` and `refresh_token` for a wallet.
    grant_type: String,
    client_id: Option<String>,
    /// A public app has none.
    client_secret: Option<String>,
    /// `authorization_code`: the code, within 60 seconds, once. A second time ends the connection.
    code: Option<String>,
    /// `authorization_code`: where the code was sent.
    redirect_uri: Option<String>,
    /// `authorization_code`: of PKCE.
    code_verifier: Option<String>,
    /// `refresh_token`: works once; the answer has the next. A second time ends the connection.
    refresh_token: Option<String>,
    /// `refresh_token`: less than the member allowed, for this access token. A partner's program may do what its
    /// partner may, whatever it says here.
    scope: Option<String>,
}

/// A program's token.
#[derive(Serialize, ToSchema)]
pub struct Token {
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds until it runs out.
    expires_in: i64,
    /// A wallet's next refresh token: good for 90 days, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What a wallet's access token opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "card card:code")]
    scope: Option<Scopes>,
}

/// Gives a partner's program a token for an hour, or a wallet a token for a quarter of an hour and the next refresh token.
#[utoipa::path(post, path = "/v1/oauth/token", tag = "sign-in",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, description = "a token", body = Token),
    (status = 400, description = "invalid_request, invalid_grant, invalid_scope, unsupported_grant_type", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "invalid_client", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "too many wrong secrets", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn token(
    app: web::Data<App>,
    request: HttpRequest,
    form: Later<Form<TokenForm>>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let form = form.map_err(invalid_request)?.0;
    let token = match form.grant_type.as_str() {
        "client_credentials" => of_partner(&app, &request, form).await?,
        "authorization_code" => of_code(&app, &request, form).await?,
        "refresh_token" => of_refresh_token(&app, &request, form).await?,
        _ => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "unsupported-grant-type",
                "The grant type is client_credentials, authorization_code or refresh_token",
                "Вид доступа — client_credentials, authorization_code или refresh_token",
            )
            .oauth("unsupported_grant_type"));
        }
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(token))
}

async fn of_partner(app: &Arc<App>, request: &HttpRequest, form: TokenForm) -> Result<Token, Problem> {
    let Credentials { id, secret } = credentials(request, form.client_id, form.client_secret)?;
    // Without a secret nobody is asked for: no program of a partner is public.
    let secret = secret.ok_or_else(|| wrong_client(request))?;
    let client = app.run(move |connection| Ok(clients::authenticate(connection, &id, &secret)?)).await?;
    let Some(client) = client else {
        limits::wrong_secret_from(app, request).await?;
        return Err(wrong_client(request));
    };
    let signer = app.auth.keyring.signer().ok_or_else(Problem::unavailable)?;
    let access_token = signer
        .sign(Realm::Client, client, None, app.now(), clients::TOKEN_LIFE)
        .map_err(|error| Problem::internal(&error))?;
    let expires_in = clients::TOKEN_LIFE.num_seconds();
    Ok(Token { access_token, token_type: "Bearer", expires_in, refresh_token: None, scope: None })
}

/// The registered app a program says it is.
///
/// # Errors
/// 401 `invalid_client`, 429
async fn wallet(
    app: &Arc<App>,
    request: &HttpRequest,
    (id, secret): (Option<String>, Option<String>),
) -> Result<WalletApp, Problem> {
    let Credentials { id, secret } = credentials(request, id, secret)?;
    let found =
        app.run(move |connection| Ok(apps::authenticate(connection, &id, secret.as_deref())?)).await?;
    match found {
        Some(found) => Ok(found),
        None => {
            limits::wrong_secret_from(app, request).await?;
            Err(wrong_client(request))
        }
    }
}

async fn of_code(app: &Arc<App>, request: &HttpRequest, form: TokenForm) -> Result<Token, Problem> {
    let client = wallet(app, request, (form.client_id, form.client_secret)).await?;
    let (Some(code), Some(redirect_uri), Some(verifier)) = (form.code, form.redirect_uri, form.code_verifier)
    else {
        return Err(missing("code, redirect_uri and code_verifier are needed"));
    };
    let shared = Arc::clone(app);
    let taken = app
        .transaction(move |connection| {
            let presented = Presented { code: &code, redirect_uri: &redirect_uri, verifier: &verifier };
            Ok(grants::exchange(&shared, connection, &client, &presented)?)
        })
        .await?;
    issued(app, taken.map_err(denied)?)
}

async fn of_refresh_token(app: &Arc<App>, request: &HttpRequest, form: TokenForm) -> Result<Token, Problem> {
    let client = wallet(app, request, (form.client_id, form.client_secret)).await?;
    let token = form.refresh_token.ok_or_else(|| missing("refresh_token is needed"))?;
    let scopes = match form.scope.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(Scopes::parse(text).ok_or_else(|| denied(Denied::Scope))?),
        None => None,
    };
    let shared = Arc::clone(app);
    let taken = app
        .transaction(move |connection| Ok(grants::renew(&shared, connection, &client, (&token, scopes))?))
        .await?;
    issued(app, taken.map_err(denied)?)
}

fn issued(app: &App, issued: Issued) -> Result<Token, Problem> {
    let signer = app.auth.keyring.signer().ok_or_else(Problem::unavailable)?;
    let access_token = signer
        .sign_scoped((issued.member.0, issued.grant), &issued.scopes, app.now(), ACCESS_LIFE)
        .map_err(|error| Problem::internal(&error))?;
    Ok(Token {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_LIFE.num_seconds(),
        refresh_token: Some(issued.refresh_token),
        scope: Some(issued.scopes),
    })
}

fn missing(what: &'static str) -> Problem {
    Problem::malformed(what, "Не хватает параметров").oauth("invalid_request")
}

fn denied(why: Denied) -> Problem {
    let problem = |slug, en, ru| Problem::new(StatusCode::BAD_REQUEST, slug, en, ru);
    match why {
        Denied::Grant => problem(
            "invalid-grant",
            "The code or token is wrong, used, revoked or has run out",
            "Код или токен неверен, использован, отозван или истёк",
        )
        .oauth("invalid_grant"),
        Denied::Scope => problem(
            "invalid-scope",
            "The member has not allowed so much",
            "Член профсоюза столько не разрешал",
        )
        .oauth("invalid_scope"),
    }
}
