//! RFC 9457 problems: the one place that knows statuses, slugs and their words in Russian and English.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

/// The language a reader asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Russian.
    Russian,
    /// English, when nothing is asked.
    #[default]
    English,
}

impl Language {
    /// The first of the two languages an `Accept-Language` header names.
    pub fn of_header(value: &str) -> Self {
        value
            .split(',')
            .filter_map(|part| part.split([';', '-']).next())
            .map(str::trim)
            .find_map(|tag| match tag {
                "ru" => Some(Self::Russian),
                "en" => Some(Self::English),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The language of a request.
    pub fn of(request: &actix_web::HttpRequest) -> Self {
        request
            .headers()
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .map(Self::of_header)
            .unwrap_or_default()
    }

    /// The engine's name of the language.
    pub fn engine(self) -> cashback_engine::texts::Language {
        match self {
            Self::Russian => cashback_engine::texts::Language::Russian,
            Self::English => cashback_engine::texts::Language::English,
        }
    }

    /// The one of two texts in this language.
    pub fn pick(self, text: &Text) -> &str {
        match self {
            Self::Russian => &text.ru,
            Self::English => &text.en,
        }
    }
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: Cow<'static, str>,
    /// Russian.
    pub ru: Cow<'static, str>,
}

impl Text {
    /// A text in both languages.
    pub fn new(en: impl Into<Cow<'static, str>>, ru: impl Into<Cow<'static, str>>) -> Self {
        Self { en: en.into(), ru: ru.into() }
    }
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer to the field, with a leading `#` ("#/lines/0/amount"), or the parameter's name.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: Text,
}

impl FieldError {
    /// One wrong field.
    pub fn new(
        pointer: impl Into<String>,
        en: impl Into<Cow<'static, str>>,
        ru: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { pointer: pointer.into(), detail: Text::new(en, ru) }
    }
}

/// What went wrong, for a program (`slug`, `status`, `errors`) and for a person (`title`, `detail`).
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    slug: &'static str,
    title: Text,
    detail: Option<Text>,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u64>,
    allow: Option<String>,
    challenge: Option<&'static str>,
    rate_limit: Option<Quota>,
    oauth: Option<&'static str>,
}

/// A quota: so many times in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What is limited, for the `RateLimit` headers.
    pub name: &'static str,
    /// How often it may be.
    pub times: u64,
    /// In how many seconds.
    pub window_seconds: u64,
}

/// How a problem looks on the wire.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `/problems/<slug>`
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem it is, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The wrong fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldErrorBody>,
    /// At the token endpoint: the error's code by RFC 6749 §5.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// At the token endpoint: what happened, in ASCII.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// How a wrong field looks on the wire.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldError)]
pub struct FieldErrorBody {
    /// JSON pointer to the field (`#/amount`).
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// A problem of a kind: its slug and its title in English and Russian.
    pub fn new(status: StatusCode, slug: &'static str, en: &'static str, ru: &'static str) -> Self {
        Self(Box::new(Parts {
            status,
            slug,
            title: Text::new(en, ru),
            detail: None,
            errors: Vec::new(),
            retry_after_seconds: None,
            allow: None,
            challenge: None,
            rate_limit: None,
            oauth: None,
        }))
    }

    /// The same with what happened this time.
    pub fn detail(mut self, en: impl Into<Cow<'static, str>>, ru: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(Text::new(en, ru));
        self
    }

    /// The same with one more wrong field.
    pub fn field(
        mut self,
        pointer: impl Into<String>,
        en: impl Into<Cow<'static, str>>,
        ru: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.0.errors.push(FieldError::new(pointer, en, ru));
        self
    }

    /// The same with the time after which to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// The same as an error of the token endpoint: its code by RFC 6749 §5.2.
    pub fn oauth(mut self, error: &'static str) -> Self {
        self.0.oauth = Some(error);
        self
    }

    /// The same with the scheme to sign in by.
    pub fn challenge(mut self, scheme: &'static str) -> Self {
        self.0.challenge = Some(scheme);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The slug, stable for programs.
    pub fn slug(&self) -> &'static str {
        self.0.slug
    }

    /// What happened this time: as told, else by the first wrong field, else by the title.
    fn happened(&self, language: Language) -> String {
        let parts = &self.0;
        match (&parts.detail, parts.errors.first()) {
            (Some(detail), _) => language.pick(detail).to_owned(),
            (None, Some(first)) => format!("{}: {}", first.pointer, language.pick(&first.detail)),
            (None, None) => language.pick(&parts.title).to_owned(),
        }
    }

    /// The wire form in a language.
    pub fn body(&self, language: Language) -> ProblemBody {
        let parts = &self.0;
        let detail = self.happened(language);
        let in_ascii = |text: &str| {
            let plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
            text.chars().filter(plain).collect::<String>()
        };
        ProblemBody {
            error: parts.oauth,
            error_description: parts.oauth.map(|_| in_ascii(&self.happened(Language::English))),
            kind: format!("/problems/{}", parts.slug),
            title: language.pick(&parts.title).to_owned(),
            status: parts.status.as_u16(),
            detail,
            errors: parts
                .errors
                .iter()
                .map(|e| FieldErrorBody {
                    pointer: e.pointer.clone(),
                    detail: language.pick(&e.detail).to_owned(),
                })
                .collect(),
        }
    }

    /// The answer in a language.
    pub fn response(&self, language: Language) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        if let Some(seconds) = self.0.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(Quota { name, times, window_seconds }) = self.0.rate_limit {
            let reset = self.0.retry_after_seconds.unwrap_or(window_seconds);
            response.insert_header(("RateLimit-Policy", format!("\"{name}\";q={times};w={window_seconds}")));
            response.insert_header(("RateLimit", format!("\"{name}\";r=0;t={reset}")));
        }
        if let Some(allow) = &self.0.allow {
            response.insert_header((header::ALLOW, allow.clone()));
        }
        if let Some(scheme) = self.0.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme)));
        }
        let body = serde_json::to_vec(&self.body(language)).expect("a problem is plain text and numbers");
        let mut answer = response.content_type("application/problem+json").body(body);
        answer.extensions_mut().insert(self.clone());
        answer
    }

    /// 400: the request can't be read.
    pub fn malformed(en: impl Into<Cow<'static, str>>, ru: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request can't be read", "Запрос не разобрать")
            .detail(en, ru)
    }

    /// 422: read, but wrong. Add the fields.
    pub fn invalid() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request is wrong", "В запросе ошибка")
    }

    /// 422 with one wrong field.
    pub fn invalid_field(
        pointer: impl Into<String>,
        en: impl Into<Cow<'static, str>>,
        ru: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::invalid().field(pointer, en, ru)
    }

    /// 401: who is asking isn't known.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first", "Сначала войдите")
            .challenge("Bearer")
    }

    /// 403: seen, but not theirs to do.
    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Your role may not do this",
            "Вашей роли это не разрешено",
        )
    }

    /// 404: isn't there, or isn't theirs to see; the two read alike.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", "Здесь ничего нет")
    }

    /// 405 with what is allowed.
    pub fn method_not_allowed(allow: String) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "This address does not take that method",
            "Этот адрес не принимает такой метод",
        );
        problem.0.allow = Some(allow);
        problem
    }

    /// 409 of a kind.
    pub fn conflict(slug: &'static str, en: &'static str, ru: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, slug, en, ru)
    }

    /// 413: the body is announced or found longer than it may be.
    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too long",
            "Тело запроса слишком длинное",
        )
    }

    /// 415: not the content type, or an encoding.
    pub fn unsupported_media_type(en: &'static str, ru: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", en, ru)
    }

    /// 429: the quota is used up, and after how many seconds to try again.
    pub fn too_many(quota: Quota, seconds: u64) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests",
            "Слишком много запросов",
        )
        .retry_after(seconds);
        problem.0.rate_limit = Some(quota);
        problem
    }

    /// 503: try again shortly.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again shortly", "Повторите чуть позже")
            .retry_after(1)
    }

    /// 500, the cause in the log alone.
    pub fn internal(cause: &(impl fmt::Display + ?Sized)) -> Self {
        tracing::error!(cause = %cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something broke here",
            "У нас что-то сломалось",
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body(Language::English);
        write!(f, "{} ({})", body.detail, self.0.slug)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response(Language::English)
    }
}

impl From<diesel::result::Error> for Problem {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error};
        match &error {
            Error::NotFound => Self::not_found(),
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )
            | Error::BrokenTransactionManager => {
                tracing::warn!(%error, "the database is away");
                Self::unavailable()
            }
            Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => {
                tracing::warn!(%error, "another transaction came before");
                Self::unavailable()
            }
            // A full disk or a starting or stopping server recovers by itself.
            Error::DatabaseError(_, info) if transient(info.message()) => {
                tracing::warn!(%error, "the database is away");
                Self::unavailable()
            }
            _ => Self::internal(&error),
        }
    }
}

fn transient(message: &str) -> bool {
    [
        "No space left on device",
        "terminating connection",
        "the database system is",
        "server closed the connection",
        "could not connect",
        "connection to server",
        "deadlock detected",
    ]
    .iter()
    .any(|text| message.contains(text))
}
