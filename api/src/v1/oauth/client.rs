//! How a program says who it is at the token and revocation endpoints (RFC 6749 §2.3): by a Basic header or in the form.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::problem::{Language, Problem};

/// What a program signs in with. A public app has an id alone.
pub struct Credentials {
    pub id: String,
    pub secret: Option<String>,
}

/// The id and secret, in the header or in the form but not in both.
///
/// # Errors
/// 400 for both, 401 for neither.
pub fn credentials(
    request: &HttpRequest,
    id: Option<String>,
    secret: Option<String>,
) -> Result<Credentials, Problem> {
    let twice = || {
        let problem = Problem::malformed("the client signs in in one way", "Программа входит одним способом");
        problem.oauth("invalid_request")
    };
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    // RFC 6749 §3.2: a parameter without a value counts as left out.
    let [id, secret] = [id, secret].map(|text| text.filter(|text| !text.is_empty()));
    match (headers.next(), headers.next(), id, secret) {
        (None, _, Some(id), secret) => Ok(Credentials { id, secret }),
        (Some(value), None, named, None) => {
            let (id, secret) = value.to_str().ok().and_then(basic).ok_or_else(|| wrong_client(request))?;
            // Some programs name themselves in the form as well: it must be the same name.
            if named.is_none_or(|named| named == id) {
                Ok(Credentials { id, secret: Some(secret).filter(|secret| !secret.is_empty()) })
            } else {
                Err(twice())
            }
        }
        (None, ..) => Err(wrong_client(request)),
        _ => Err(twice()),
    }
}

/// A form that can't be read is `invalid_request` with 400, whatever is wrong with it; another content type and too
/// long a body keep their own status.
pub fn invalid_request(problem: Problem) -> Problem {
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
pub fn wrong_client(request: &HttpRequest) -> Problem {
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

/// RFC 6749 §2.3.1: both parts are form-encoded, then joined and in base64.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let both = (decoded(id)?, decoded(secret)?);
    // Nobody's id or secret has any, and a database takes no NUL.
    let plain = |text: &str| !text.chars().any(char::is_control);
    (plain(&both.0) && plain(&both.1)).then_some(both)
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
        for text in ["a%00:b", "a:b%00", "a\0:b", "a:b%0A"] {
            assert_eq!(basic(&header(text)), None, "{text:?}");
        }
        assert_eq!(basic("Basic ???"), None);
        assert_eq!(basic("Bearer abc"), None);
    }
}
