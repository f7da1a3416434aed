//! `Idempotency-Key`: a POST that comes again with the same key and body is answered with the first answer. Around the
//! handlers of routes that create something; without the header nothing happens here.
//!
//! | the key is | with the same body | with another |
//! |---|---|---|
//! | new | the handler runs, its answer is kept | |
//! | running | 409 | 409 |
//! | done | the kept answer | 422 `idempotency-key-reused` |
//!
//! 5xx, 429 and an answer to a body that never came whole are not kept: the key is new again.

mod body;

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody, to_bytes_limited};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use aes_gcm_siv::Aes256GcmSiv;
use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::idempotency_keys as keys;

use self::body::HashedBody;
use super::Principal;
use crate::app::App;
use crate::problem::{Language, Problem};

/// The header.
pub const HEADER: &str = "idempotency-key";
/// No longer key is taken.
const KEY_BYTES_MAX: usize = 255;
/// A running request that shows no end for so long died with its process; the next one takes over.
const LEASE: TimeDelta = TimeDelta::seconds(25);
/// AES-256-GCM-SIV's.
const NONCE_BYTES: usize = 12;
/// No longer answer is kept.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Runs the handler once for each key.
///
/// # Errors
/// 422 for a key that can't be one or was used for another body, 409 while the first request runs.
pub async fn once(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(key) = key_of(&request)? else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let app =
        request.app_data::<web::Data<App>>().map(|data| Arc::clone(data)).ok_or_else(Problem::unavailable)?;
    let place = Place { scope: scope_of(&request), key };
    let body = HashedBody::take(&mut request);
    match claim(&app, &place).await? {
        Claimed::Running => Err(still_running().into()),
        Claimed::Done(kept) => {
            let hash = body.finish().await?;
            let kept = Kept { body: open(&app, &place, &kept.body)?, ..kept };
            let http = request.into_parts().0;
            Ok(ServiceResponse::new(http, kept.answer(&hash)?))
        }
        Claimed::New => {
            // Goes on when the client goes away: what was begun is finished and its answer kept.
            let running = actix_web::rt::spawn(async move { run(app, place, body, request, next).await });
            running.await.map_err(|error| Problem::internal(&error))?
        }
    }
}

async fn run(
    app: Arc<App>,
    place: Place,
    body: HashedBody,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let language = Language::of(request.request());
    let response = next.call(request).await?.map_into_boxed_body();
    // A problem made without knowing the reader is kept in the reader's language.
    let problem = response.response().extensions().get::<Problem>().cloned();
    let response = match problem {
        Some(problem) => response.into_response(problem.response(language)),
        None => response,
    };
    keep_answer(&app, place, body, response).await
}

async fn keep_answer(
    app: &Arc<App>,
    place: Place,
    body: HashedBody,
    response: ServiceResponse<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let status = response.status();
    let hash = body.finish().await;
    let (Ok(hash), false) = (hash, status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
    else {
        app.run(move |connection| Ok(release(connection, &place)?)).await?;
        return Ok(response);
    };
    let named = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (content_type, location) = (named(header::CONTENT_TYPE), named(header::LOCATION));
    let (http, response) = response.into_parts();
    let (head, answer) = response.into_parts();
    let answer = match to_bytes_limited(answer, ANSWER_BYTES_MAX).await {
        Ok(Ok(bytes)) => bytes,
        _ => {
            app.run(move |connection| Ok(release(connection, &place)?)).await?;
            return Err(Problem::internal("an answer could not be kept").into());
        }
    };
    let body = seal(app, &place, &answer);
    let kept = Kept { request_hash: hash.to_vec(), status, content_type, location, body };
    app.run(move |connection| Ok(settle(connection, &place, &kept)?)).await?;
    Ok(ServiceResponse::new(http, head.set_body(answer).map_into_boxed_body()))
}

/// The header's key, without its quotes.
fn key_of(request: &ServiceRequest) -> Result<Option<String>, Problem> {
    let wrong = || {
        Problem::invalid_field(
            "Idempotency-Key",
            "is one header of 1 to 255 printable ASCII characters",
            "это один заголовок из 1–255 печатных символов ASCII",
        )
    };
    let mut values = request.headers().get_all(HEADER);
    let text = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or_else(wrong)?,
        None => text,
    };
    let fits = (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b));
    if fits { Ok(Some(key.to_owned())) } else { Err(wrong()) }
}

/// One person's key is not another's, nor one route's another's.
fn scope_of(request: &ServiceRequest) -> String {
    let who = request.extensions().get::<Principal>().map_or_else(|| "public".to_owned(), Principal::key);
    format!("{who} {} {}", request.method(), request.path())
}

fn still_running() -> Problem {
    Problem::conflict(
        "idempotency-key-running",
        "The first request with this key is still running",
        "Первый запрос с этим ключом ещё выполняется",
    )
    .retry_after(1)
}

#[derive(Clone)]
struct Place {
    scope: String,
    key: String,
}

/// What answers are sealed under: they may hold what is told once (a device's secret), or be of people.
const PURPOSE: &str = "idempotency answers/1";

fn cipher(key: &[u8; 32]) -> Aes256GcmSiv {
    Aes256GcmSiv::new_from_slice(key).expect("the key has 32 bytes")
}

fn seal(app: &App, place: &Place, body: &[u8]) -> Vec<u8> {
    let key = app.master.derive_as(app.master.current(), PURPOSE).expect("the current version is there");
    let nonce = rand::random::<[u8; NONCE_BYTES]>();
    let payload = Payload { msg: body, aad: place.scope.as_bytes() };
    let sealed =
        cipher(&key).encrypt(&nonce.into(), payload).expect("an answer is far below the cipher's bound");
    [nonce.as_slice(), &sealed].concat()
}

/// Answers are kept for a day, so one that an older version of the master key sealed is simply tried.
fn open(app: &App, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, Problem> {
    let opened = sealed.split_first_chunk::<NONCE_BYTES>().and_then(|(nonce, sealed)| {
        let tried = |key: &[u8; 32]| {
            let payload = Payload { msg: sealed, aad: place.scope.as_bytes() };
            cipher(key).decrypt(&(*nonce).into(), payload).ok()
        };
        app.master.derive_all(PURPOSE).iter().rev().find_map(tried)
    });
    opened.ok_or_else(|| Problem::internal("a kept answer can't be opened"))
}

struct Kept {
    request_hash: Vec<u8>,
    status: StatusCode,
    content_type: Option<String>,
    location: Option<String>,
    body: Vec<u8>,
}

impl Kept {
    fn answer(self, request_hash: &[u8]) -> Result<HttpResponse, Problem> {
        if self.request_hash != request_hash {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "This key was used for another request",
                "Этот ключ уже использован для другого запроса",
            ));
        }
        let mut response = HttpResponse::build(self.status);
        if let Some(content_type) = self.content_type {
            response.content_type(content_type);
        }
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        Ok(response.body(self.body))
    }
}

enum Claimed {
    New,
    Running,
    Done(Kept),
}

async fn claim(app: &Arc<App>, place: &Place) -> Result<Claimed, Problem> {
    let (now, place) = (app.now(), place.clone());
    app.run(move |connection| Ok(claim_row(connection, &place, now)?)).await
}

fn claim_row(connection: &mut PgConnection, place: &Place, now: DateTime<Utc>) -> QueryResult<Claimed> {
    let claim = diesel::insert_into(keys::table)
        .values((keys::scope.eq(&place.scope), keys::key.eq(&place.key), keys::started_at.eq(now)))
        .on_conflict((keys::scope, keys::key))
        .do_update()
        .set(keys::started_at.eq(now));
    let abandoned = keys::status.is_null().and(keys::started_at.lt(now - LEASE));
    if diesel::query_dsl::methods::FilterDsl::filter(claim, abandoned).execute(connection)? == 1 {
        return Ok(Claimed::New);
    }
    type Found = (Option<Vec<u8>>, Option<i16>, Option<String>, Option<String>, Option<Vec<u8>>);
    let found: Option<Found> = keys::table
        .find((&place.scope, &place.key))
        .select((keys::request_hash, keys::status, keys::content_type, keys::location, keys::body))
        .first(connection)
        .optional()?;
    let Some((Some(request_hash), Some(status), content_type, location, Some(body))) = found else {
        return Ok(Claimed::Running);
    };
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or(diesel::result::Error::NotFound)?;
    Ok(Claimed::Done(Kept { request_hash, status, content_type, location, body }))
}

fn settle(connection: &mut PgConnection, place: &Place, kept: &Kept) -> QueryResult<usize> {
    diesel::update(keys::table.find((&place.scope, &place.key)))
        .set((
            keys::request_hash.eq(&kept.request_hash),
            keys::status.eq(i16::try_from(kept.status.as_u16()).unwrap_or(i16::MAX)),
            keys::content_type.eq(&kept.content_type),
            keys::location.eq(&kept.location),
            keys::body.eq(&kept.body),
        ))
        .execute(connection)
}

fn release(connection: &mut PgConnection, place: &Place) -> QueryResult<usize> {
    diesel::delete(keys::table.find((&place.scope, &place.key)).filter(keys::status.is_null()))
        .execute(connection)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn keys_as_they_come() {
        let long = "k".repeat(255);
        let quoted_long = format!("\"{long}\"");
        let too_long = "k".repeat(256);
        let cases = [
            ("abc", Some("abc")),
            ("\"abc\"", Some("abc")),
            ("  abc ", Some("abc")),
            (long.as_str(), Some(long.as_str())),
            (quoted_long.as_str(), Some(long.as_str())),
            ("", None),
            ("\"\"", None),
            ("\"abc", None),
            (too_long.as_str(), None),
        ];
        for (value, expected) in cases {
            let request = TestRequest::post().insert_header((HEADER, value)).to_srv_request();
            assert_eq!(key_of(&request).ok().flatten().as_deref(), expected, "{value}");
        }
        let twice = TestRequest::post().append_header((HEADER, "a")).append_header((HEADER, "b"));
        assert!(key_of(&twice.to_srv_request()).is_err());
        assert_eq!(key_of(&TestRequest::post().to_srv_request()).unwrap(), None);
    }
}
