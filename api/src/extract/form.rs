//! A form body (`application/x-www-form-urlencoded`).

use std::future::Future;
use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;

use super::json::{check_content_type, check_length, read};
use super::query;
use crate::problem::Problem;

/// No form is longer.
const FORM_BYTES_MAX: usize = 16 << 10;

/// A form read into `T`: unknown and repeated fields are refused.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_content_type(request, "application/x-www-form-urlencoded")
            .and_then(|()| check_length(request, FORM_BYTES_MAX));
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let bytes = read(payload, FORM_BYTES_MAX).await?;
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| Problem::malformed("the form is not UTF-8", "Форма не в UTF-8"))?;
            query::parse(text).map(Form)
        })
    }
}
