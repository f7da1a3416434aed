//! Query parameters and path segments.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;

use super::words;
use crate::problem::Problem;

/// The query string read into `T`: unknown and repeated parameters are refused.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Query))
    }
}

/// Reads form-encoded text.
///
/// # Errors
/// 400, 422 naming the parameter.
pub fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let text_is_clean = form_urlencoded::parse(query.as_bytes())
        .all(|(_, value)| !value.contains('\u{fffd}') && !value.chars().any(char::is_control));
    if !text_is_clean {
        return Err(Problem::malformed(
            "the query has control or broken characters",
            "В параметрах недопустимые символы",
        ));
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        let message = error.to_string();
        let named =
            if path.is_empty() || path == "." { message.split('`').nth(1).unwrap_or("query") } else { &path };
        let name: String = named.chars().filter(|c| !c.is_control()).take(64).collect();
        let words = words::of_serde(&message);
        Problem::invalid_field(name, words.en, words.ru)
    })
}

/// Whether a path names something that may be there: nothing has a control character in its name.
fn is_plain(request: &HttpRequest) -> bool {
    request.match_info().iter().all(|(_, value)| !value.chars().any(char::is_control))
}

/// One segment of the path read into `T`; what can't be read is simply not there (404).
pub struct IdPath<T>(pub T);

impl<T: FromStr> FromRequest for IdPath<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if !is_plain(request) {
            return ready(Err(Problem::not_found()));
        }
        let text = request.match_info().iter().next().map(|(_, value)| value).unwrap_or_default();
        ready(T::from_str(text).map(IdPath).map_err(|_| Problem::not_found()))
    }
}

/// Several segments of the path read into `T`; what can't be read is not there (404).
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if !is_plain(request) {
            return ready(Err(Problem::not_found()));
        }
        let segments = actix_web::web::Path::<T>::extract(request).into_inner();
        ready(segments.map(|path| Path(path.into_inner())).map_err(|_| Problem::not_found()))
    }
}
