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
use crate::extract::{Form, Later};
use crate::problem::{Language, Problem, ProblemBody};

/// What a program asks with; its id and secret may be in a Basic `Authorization` header instead. Other parameters
/// (`scope`, `resource`) are taken and not looked at, as RFC 6749 §3.2 wants: a program may do what its partner may.
#[derive(Deserialize, ToSchema)]
pub struct TokenForm {
    /// `client_credentials`
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
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
    form: Later<Form<TokenForm>>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let form = form.map_err(invalid_request)?.0;
    if form.grant_type != "client_credentials" {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "unsupported-grant-type",
            "The grant type is client_credentials",
            "Вид доступа — client_credentials",
        )
        .oauth("unsupported_grant_type"));
    }
    let (client_id, secret) = credentials(&request, form)?;
    let client =
        app.run(move |connection| Ok(clients::authenticate(connection, &client_id, &secret)?)).await?;
    let Some(client) = client else {
        limits::wrong_secret_from(&app, &request).await?;
        return Err(wrong_client(&request));
    };
    let signer = app.auth.keyring.signer().ok_or_else(Problem::unavailable)?;
    let access_token = signer
        .sign(Realm::Client, client, None, app.now(), clients::TOKEN_LIFE)
        .map_err(|error| Problem::internal(&error))?;
    let expires_in = clients::TOKEN_LIFE.num_seconds();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(Token { access_token, token_type: "Bearer", expires_in }))
}

/// A form that can't be read is `invalid_request` with 400, whatever is wrong with it; another content type and too
/// long a body keep their own status.
fn invalid_request(problem: Problem) -> Problem {
    let problem = match problem.status() {
        StatusCode::UNPROCESSABLE_ENTITY => {
            let told = (problem.body(Language::English).detail, problem.body(Language::Russian).detail);
            Problem::malformed(told.0, told.1)
        }
        _ => problem,
    };
    problem.oauth("invalid_request")
}

/// A program that signed in by a header is told of the scheme it used (RFC 6749 §5.2).
fn wrong_client(request: &HttpRequest) -> Problem {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-client",
        "The client's id or secret is wrong",
        "Идентификатор или секрет программы неверен",
    )
    .oauth("invalid_client");
    match request.headers().contains_key(header::AUTHORIZATION) {
        true => problem.challenge("Basic realm=\"unioncard\""),
        false => problem,
    }
}

/// The id and secret, in the header or in the form but not in both.
fn credentials(request: &HttpRequest, form: TokenForm) -> Result<(String, String), Problem> {
    let twice = || {
        let problem = Problem::malformed("the client signs in in one way", "Программа входит одним способом");
        problem.oauth("invalid_request")
    };
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    match (headers.next(), headers.next(), form.client_id, form.client_secret) {
        (None, _, Some(id), Some(secret)) => Ok((id, secret)),
        (Some(value), None, named, None) => {
            let found = value.to_str().ok().and_then(basic).ok_or_else(|| wrong_client(request))?;
            // Some programs name themselves in the form as well: it must be the same name.
            if named.is_none_or(|named| named == found.0) { Ok(found) } else { Err(twice()) }
        }
        (None, ..) => Err(wrong_client(request)),
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
