//! The web service of Apple's passes, as devices ask it: registering, which passes changed, fetching one, unregistering,
//! what a device complains of. A device shows the pass's own token; a wrong one and an unknown pass read alike.
//! Without a certificate there is nothing here.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, Header, HttpDate, IfModifiedSince};
use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::pass::apple::MEDIA_TYPE;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::CardId;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::limits;
use crate::extract::{Json, Later, Path, Query};
use crate::problem::{Problem, ProblemBody};
use crate::wallets::apple::{is_token, registrations};
use crate::wallets::{Provider, changes, shown};

/// What a device tells when it registers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistrationBody {
    /// Where its pushes go.
    push_token: String,
}

/// What a device complains of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogBody {
    logs: Vec<String>,
}

/// Which passes changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedPasses {
    #[schema(value_type = Vec<uuid::Uuid>)]
    serial_numbers: Vec<CardId>,
    /// To be sent back as `passesUpdatedSince`.
    last_updated: String,
}

/// Since when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SinceQuery {
    /// The `lastUpdated` of the answer before; without it, all.
    passes_updated_since: Option<String>,
}

/// Messages of one report that are kept, and characters of each.
const MESSAGES_MAX: usize = 20;
const MESSAGE_CHARS_MAX: usize = 500;
/// Digits in a row that may be a number of something.
const DIGITS_MAX: usize = 8;
/// The longest name of a device and of where its pushes go.
const DEVICE_BYTES_MAX: usize = 128;
const PUSH_TOKEN_BYTES_MAX: usize = 256;

/// Refuses what isn't about passes of ours.
fn ours(app: &App, pass_type: &str) -> Result<(), Problem> {
    let issuer = app.wallets.apple(app.now()).ok_or_else(Problem::not_found)?;
    if issuer.signer.pass_type() == pass_type { Ok(()) } else { Err(stranger()) }
}

/// 401: whoever asks doesn't hold this pass, or there is no such pass.
fn stranger() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "Show the pass's own token",
        "Нужен ключ самой карты",
    )
    .challenge("ApplePass")
}

/// The pass whose token was shown.
fn shown_pass(app: &App, request: &HttpRequest, pass_type: &str, serial: &str) -> Result<CardId, Problem> {
    ours(app, pass_type)?;
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let value = match (headers.next(), headers.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => "",
    };
    let (scheme, token) = value.split_once(' ').unwrap_or_default();
    let right = is_token(&app.master, serial, token.trim()) & scheme.eq_ignore_ascii_case("ApplePass");
    if right { serial.parse().map_err(|_| stranger()) } else { Err(stranger()) }
}

/// A name a device gives itself, or a token of the push service: goes into paths of ours and of the service.
fn is_word(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !text.bytes().all(|byte| byte == b'.')
}

/// A device registers for a pass: it is told of changes from now on.
#[utoipa::path(post, path = "/v1/apple/v1/devices/{device}/registrations/{pass_type}/{serial}", tag = "wallets",
    params(("device" = String, Path), ("pass_type" = String, Path), ("serial" = String, Path)),
    request_body = RegistrationBody, responses(
    (status = 201, description = "registered"),
    (status = 200, description = "was registered"),
    (status = 401, description = "a wrong token, or no such pass", body = ProblemBody),
    (status = 422, description = "a wrong device or push token", body = ProblemBody)))]
pub async fn register(
    app: web::Data<App>,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    body: Later<Json<RegistrationBody>>,
) -> Result<HttpResponse, Problem> {
    let (device, pass_type, serial) = path.0;
    let card = shown_pass(&app, &request, &pass_type, &serial)?;
    let push_token = body?.0.push_token;
    if !is_word(&device, DEVICE_BYTES_MAX) {
        return Err(Problem::invalid_field(
            "device",
            "is no name of a device",
            "не похоже на имя устройства",
        ));
    }
    if !is_word(&push_token, PUSH_TOKEN_BYTES_MAX) {
        return Err(Problem::invalid_field(
            "#/pushToken",
            "is no push token",
            "не похоже на ключ уведомлений",
        ));
    }
    let now = app.now();
    let shared = app.clone().into_inner();
    let new = app
        .into_inner()
        .transaction(move |connection| {
            let shown = shown::of_card(&shared, connection, card, now).map_err(|_| stranger())?;
            // Known before its device: a change from here on reaches it.
            changes::watch(connection, &shared.wallets, Provider::Apple, &shown, now)?;
            Ok(registrations::register(connection, &device, card, &push_token, now)?)
        })
        .await?;
    Ok(if new { HttpResponse::Created() } else { HttpResponse::Ok() }.finish())
}

/// A device holds a pass no more.
#[utoipa::path(delete, path = "/v1/apple/v1/devices/{device}/registrations/{pass_type}/{serial}", tag = "wallets",
    params(("device" = String, Path), ("pass_type" = String, Path), ("serial" = String, Path)), responses(
    (status = 200, description = "unregistered"),
    (status = 401, description = "a wrong token, or no such pass", body = ProblemBody)))]
pub async fn unregister(
    app: web::Data<App>,
    request: HttpRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (device, pass_type, serial) = path.0;
    let card = shown_pass(&app, &request, &pass_type, &serial)?;
    app.into_inner().run(move |connection| Ok(registrations::unregister(connection, &device, card)?)).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Which of a device's passes changed. The tag is to be sent back as it is; one that isn't ours counts as none.
#[utoipa::path(get, path = "/v1/apple/v1/devices/{device}/registrations/{pass_type}", tag = "wallets",
    params(("device" = String, Path), ("pass_type" = String, Path), SinceQuery), responses(
    (status = 200, description = "the passes", body = ChangedPasses),
    (status = 204, description = "none changed")))]
pub async fn changed(
    app: web::Data<App>,
    path: Path<(String, String)>,
    query: Query<SinceQuery>,
) -> Result<HttpResponse, Problem> {
    let (device, pass_type) = path.0;
    ours(&app, &pass_type)?;
    let since = query.0.passes_updated_since.and_then(|tag| tag.parse().ok()).unwrap_or(0);
    let now = app.now();
    let changed = app
        .into_inner()
        .run(move |connection| Ok(registrations::changed_since(connection, &device, since, now)?))
        .await?;
    Ok(match changed {
        Some((serial_numbers, last)) => {
            HttpResponse::Ok().json(ChangedPasses { serial_numbers, last_updated: last.to_string() })
        }
        None => HttpResponse::NoContent().finish(),
    })
}

/// A pass as it is now.
#[utoipa::path(get, path = "/v1/apple/v1/passes/{pass_type}/{serial}", tag = "wallets",
    params(("pass_type" = String, Path), ("serial" = String, Path)), responses(
    (status = 200, description = "the pass", content_type = "application/vnd.apple.pkpass"),
    (status = 304, description = "it hasn't changed since `If-Modified-Since`"),
    (status = 401, description = "a wrong token, or no such pass", body = ProblemBody)))]
pub async fn pass(
    app: web::Data<App>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (pass_type, serial) = path.0;
    let card = shown_pass(&app, &request, &pass_type, &serial)?;
    // A date that can't be read is none.
    let since = IfModifiedSince::parse(&request).ok().map(|IfModifiedSince(date)| date);
    let now = app.now();
    let shared = app.clone().into_inner();
    let (changed_at, file) = app
        .into_inner()
        .run(move |connection| {
            let shown = shown::of_card(&shared, connection, card, now).map_err(|_| stranger())?;
            let watched = changes::watch(connection, &shared.wallets, Provider::Apple, &shown, now)?;
            let changed_at = HttpDate::from(std::time::SystemTime::from(watched.changed_at));
            if since.is_some_and(|since| changed_at <= since) {
                return Ok((changed_at, None));
            }
            let issuer = shared.wallets.apple(now).ok_or_else(Problem::not_found)?;
            Ok((changed_at, Some(issuer.package(&shared, connection, &shown, now)?)))
        })
        .await?;
    let modified = (header::LAST_MODIFIED, changed_at);
    Ok(match file {
        Some(file) => HttpResponse::Ok()
            .content_type(MEDIA_TYPE)
            .insert_header(modified)
            .insert_header((header::CACHE_CONTROL, "private, no-cache"))
            .body(file),
        None => HttpResponse::NotModified().insert_header(modified).finish(),
    })
}

/// What a device complains of: written to the log, shortened, without control characters and long numbers.
#[utoipa::path(post, path = "/v1/apple/v1/log", tag = "wallets", request_body = LogBody, responses(
    (status = 200, description = "noted"),
    (status = 429, description = "too much of it", body = ProblemBody)))]
pub async fn log(
    app: web::Data<App>,
    request: HttpRequest,
    body: Later<Json<LogBody>>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    app.wallets.apple(app.now()).ok_or_else(Problem::not_found)?;
    let body = body?.0;
    limits::device_log_from(&app, &request).await?;
    for message in body.logs.iter().take(MESSAGES_MAX) {
        tracing::info!(message = told(message), "a device with a pass complains");
    }
    Ok(HttpResponse::Ok().finish())
}

/// A device's words as they may stand in a log.
fn told(message: &str) -> String {
    let mut kept = String::new();
    let mut digits = 0;
    for character in message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS_MAX) {
        digits = if character.is_ascii_hexdigit() { digits + 1 } else { 0 };
        kept.push(if digits > DIGITS_MAX { '*' } else { character });
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_can_neither_forge_lines_nor_leak_numbers() {
        assert_eq!(told("no\nERROR \u{1b}[31mforged"), "no ERROR  [31mforged");
        assert_eq!(told("card 9643011234567890 of 12"), "card 96430112******** of 12");
        assert_eq!(told(&"ж".repeat(2_000)).chars().count(), MESSAGE_CHARS_MAX);
    }

    #[test]
    fn names_of_devices_fit_a_path() {
        assert!(is_word("a1b2-c3_d4.e5", 128));
        for wrong in ["", ".", "..", "a/b", "a b", "ж", "a\n"] {
            assert!(!is_word(wrong, 128), "{wrong}");
        }
        assert!(!is_word(&"a".repeat(129), 128));
    }
}
