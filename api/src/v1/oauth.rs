//! Partners' programs get a token (RFC 6749, client credentials).

use std::borrow::Cow;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::token::Realm;
use crate::auth::{clients, limits};
use crate::extract::Form;
use crate::problem::{Problem, ProblemBody};

/// What a program asks with; its id and secret may be in a Basic `Authorization` header instead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenForm {
    /// `client_credentials`
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    /// Taken and not needed: a program may do what its partner may.
    #[serde(rename = "scope")]
    _scope: Option<String>,
}

/// A program's token.
#[derive(Serialize, ToSchema)]
pub struct Token {
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds until it runs out.
    expires_in: i64,
}

/// Gives a program a token for an hour.
#[utoipa::path(post, path = "/v1/oauth/token", tag = "sign-in",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, description = "a token", body = Token),
    (status = 400, description = "invalid_request, unsupported_grant_type", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "invalid_client", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "too many wrong secrets", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn token(
    app: web::Data<App>,
    request: HttpRequest,
    Form(form): Form<TokenForm>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    if form.grant_type != "client_credentials" {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "unsupported-grant-type",
            "The grant type is client_credentials",
            "Вид доступа — client_credentials",
        ));
    }
    let (client_id, secret) = credentials(&request, form)?;
    let client =
        app.run(move |connection| Ok(clients::authenticate(connection, &client_id, &secret)?)).await?;
    let Some(client) = client else {
        limits::wrong_secret_from(&app, &request).await?;
        return Err(wrong_client());
    };
    let signer = app.auth.keyring.signer().ok_or_else(Problem::unavailable)?;
    let access_token = signer
        .sign(Realm::Client, client, None, app.now(), clients::TOKEN_LIFE)
        .map_err(|error| Problem::internal(&error))?;
    let expires_in = clients::TOKEN_LIFE.num_seconds();
    Ok(HttpResponse::Ok().json(Token { access_token, token_type: "Bearer", expires_in }))
}

fn wrong_client() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-client",
        "The client's id or secret is wrong",
        "Идентификатор или секрет программы неверен",
    )
}

/// The id and secret, in the header or in the form but not in both.
fn credentials(request: &HttpRequest, form: TokenForm) -> Result<(String, String), Problem> {
    let twice = || Problem::malformed("the client signs in in one way", "Программа входит одним способом");
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    match (headers.next(), headers.next(), form.client_id, form.client_secret) {
        (None, _, Some(id), Some(secret)) => Ok((id, secret)),
        (Some(value), None, None, None) => value.to_str().ok().and_then(basic).ok_or_else(wrong_client),
        (None, ..) => Err(wrong_client()),
        _ => Err(twice()),
    }
}

/// RFC 6749 §2.3.1: both parts are form-encoded, then joined and in base64.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decoded(id)?, decoded(secret)?))
}

fn decoded(text: &str) -> Option<String> {
    // One name without a value, whatever stands in it.
    let pair = format!("{}=", text.replace('&', "%26").replace('=', "%3D"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _): (Cow<'_, str>, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basic_header() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(basic(&header("id:secret")), pair("id", "secret"));
        assert_eq!(basic(&header("a%3Ab:c%26d+e")), pair("a:b", "c&d e"));
        assert_eq!(basic(&header("id:a&b=c")), pair("id", "a&b=c"));
        assert_eq!(basic(&header("id:")), pair("id", ""));
        assert_eq!(basic(&header("id")), None);
        assert_eq!(basic("Basic ???"), None);
        assert_eq!(basic("Bearer abc"), None);
    }
}
