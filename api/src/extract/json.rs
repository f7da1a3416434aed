//! A JSON body: the right content type, a bounded length, a bounded time, then the strict reader.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Buf, BytesMut};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::strict;
use crate::problem::Problem;

/// No JSON body is longer: a batch of 1,000 purchases with lines fits.
pub const BODY_BYTES_MAX: usize = 4 << 20;
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A JSON body read into `T`.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_content_type(request, "application/json")
            .and_then(|()| check_length(request, BODY_BYTES_MAX));
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let bytes = read(payload, BODY_BYTES_MAX).await?;
            strict::from_slice(&bytes).map(Json)
        })
    }
}

/// A JSON body that may be left out.
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for OptionalJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let typed = check_content_type(request, "application/json");
        let checked = check_length(request, BODY_BYTES_MAX);
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let bytes = read(payload, BODY_BYTES_MAX).await?;
            if bytes.is_empty() {
                return Ok(Self(None));
            }
            typed?;
            strict::from_slice(&bytes).map(|body| Self(Some(body)))
        })
    }
}

/// No body, or an empty JSON object: for requests that say everything by their address.
pub struct NoBody;

impl FromRequest for NoBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Empty {}
        let body = OptionalJson::<Empty>::from_request(request, payload);
        Box::pin(async move { body.await.map(|_| Self) })
    }
}

/// Refuses a body of another content type.
///
/// # Errors
/// 415
pub fn check_content_type(request: &HttpRequest, expected: &'static str) -> Result<(), Problem> {
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type("the content type is another", "Тип содержимого другой")
        .detail(format!("send {expected}"), format!("нужен {expected}")))
}

/// Refuses a body that announces itself longer than it may be.
///
/// # Errors
/// 413
pub fn check_length(request: &HttpRequest, bytes_max: usize) -> Result<(), Problem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    match announced {
        Some(length) if length > bytes_max => Err(Problem::too_large()),
        _ => Ok(()),
    }
}

/// Reads a whole body, bounded in length and time.
///
/// # Errors
/// 400, 413
pub async fn read(mut payload: Payload, bytes_max: usize) -> Result<BytesMut, Problem> {
    let reading = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk =
                chunk.map_err(|_| Problem::malformed("the body ended early", "Тело запроса оборвалось"))?;
            if bytes.len() + chunk.remaining() > bytes_max {
                return Err(Problem::too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    tokio::time::timeout(BODY_DEADLINE, reading)
        .await
        .map_err(|_| Problem::malformed("the body came too slowly", "Тело запроса шло слишком долго"))?
}
