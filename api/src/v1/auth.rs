//! People sign in and out.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use union_registry::contact::normalise_email;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::attempts::{self, Account};
use crate::auth::cookies::{Kind, PageSession};
use crate::auth::members::Address;
use crate::auth::sessions::{self, ACCESS_LIFE, EndReason, Open};
use crate::auth::token::Realm;
use crate::auth::{self, codes, limits, password, secrets, staff};
use crate::extract::{Json, OptionalJson};
use crate::problem::{Language, Problem, ProblemBody, Quota};

/// Wrong passwords in a row from which on a login is locked.
const WRONG_PASSWORDS_FREE: i32 = 30;

/// Where a code is to go: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    email: Option<String>,
    phone: Option<String>,
}

/// The address and the code that came there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyBody {
    email: Option<String>,
    phone: Option<String>,
    /// Six digits.
    code: String,
    /// Set cookies instead of answering tokens.
    #[serde(default)]
    cookie: bool,
}

/// A login of the staff.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    email: String,
    password: String,
    /// A second factor; logins have none yet.
    totp: Option<String>,
    /// Set cookies instead of answering tokens.
    #[serde(default)]
    cookie: bool,
}

/// A session is named by its refresh token; a page's by its cookies.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    refresh_token: Option<String>,
}

/// Signed in: tokens, or for a page the CSRF token (the rest is in cookies).
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// Seconds until the access token runs out.
    expires_in: i64,
}

/// Sends a member a code; the answer is the same for anybody.
#[utoipa::path(post, path = "/v1/auth/code", tag = "sign-in", request_body = CodeBody, responses(
    (status = 202, description = "sent, if the address is a member's"),
    (status = 422, description = "no address", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "too often", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn code(
    app: web::Data<App>,
    request: HttpRequest,
    Json(body): Json<CodeBody>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let address = Address::of(body.email.as_deref(), body.phone.as_deref())?;
    limits::code_from(&app, &request).await?;
    limits::code_for(&app, &address.account(&app)).await?;
    codes::request(&app, address, Language::of(&request))?;
    Ok(HttpResponse::Accepted().finish())
}

/// Signs a member in with the code.
#[utoipa::path(post, path = "/v1/auth/verify", tag = "sign-in", request_body = VerifyBody, responses(
    (status = 200, description = "signed in", body = SignedIn),
    (status = 401, description = "the code is wrong or has run out", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "no code or no address", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "too many wrong codes", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn verify(
    app: web::Data<App>,
    request: HttpRequest,
    Json(body): Json<VerifyBody>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let page = page_of(&request, body.cookie, Realm::Member)?;
    let address = Address::of(body.email.as_deref(), body.phone.as_deref())?;
    if body.code.len() != 6 || !body.code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::invalid_field("#/code", "has six digits", "это шесть цифр"));
    }
    limits::sign_in_from(&app, &request).await?;
    let (trying, account) = (Arc::clone(&app), address.account(&app));
    let tried = app
        .transaction(move |connection| Ok(codes::verify(&trying, connection, &account, &body.code)?))
        .await?;
    match tried {
        codes::Outcome::SignedIn(open) => signed_in(&app, page, open),
        codes::Outcome::Wrong => Err(refused("the code is wrong or has run out", "Код неверен или устарел")),
        codes::Outcome::Locked(seconds) => Err(codes::locked(seconds)),
    }
}

/// Signs somebody of the staff in.
#[utoipa::path(post, path = "/v1/auth/login", tag = "sign-in", request_body = LoginBody, responses(
    (status = 200, description = "signed in", body = SignedIn),
    (status = 401, description = "address or password is wrong", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "a field is wrong", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "too often", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn login(
    app: web::Data<App>,
    request: HttpRequest,
    Json(body): Json<LoginBody>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let page = page_of(&request, body.cookie, Realm::Staff)?;
    if body.totp.is_some() {
        return Err(Problem::invalid_field(
            "#/totp",
            "this login has no second factor",
            "у этого входа нет второго фактора",
        ));
    }
    let email = normalise_email(&body.email).unwrap_or_else(|| body.email.to_lowercase());
    let account = secrets::keyed_hash(&app.auth.account_key, &[b"staff email", email.as_bytes()]);
    limits::sign_in_from(&app, &request).await?;
    limits::sign_in_for(&app, &account).await?;
    let now = app.now();
    let (login, state) = app
        .transaction(move |connection| {
            Ok((staff::find(connection, &email)?, attempts::lock(connection, &account, now)?))
        })
        .await?;
    if let Some(seconds) = state.wait(now) {
        return Err(locked(seconds));
    }
    let plausible = body.password.len() <= password::BYTES_MAX;
    let stored = login.as_ref().filter(|_| plausible).map(|login| login.password_hash.clone());
    let password = if plausible { body.password } else { String::new() };
    let right = password::verify(password, stored).await?;
    let known = login.filter(|_| right).map(|login| login.id);
    match settle_login(&app, account, known).await? {
        Some(open) => signed_in(&app, page, open),
        None => Err(refused("the address or the password is wrong", "Адрес или пароль неверны")),
    }
}

/// Counts a wrong password, or opens a session.
async fn settle_login(
    app: &Arc<App>,
    account: Account,
    login: Option<uuid::Uuid>,
) -> Result<Option<Open>, Problem> {
    let (now, asking) = (app.now(), Arc::clone(app));
    let settled = app
        .transaction(move |connection| {
            let state = attempts::lock(connection, &account, now)?;
            if let Some(seconds) = state.wait(now) {
                return Ok(Err(seconds));
            }
            let Some(login) = login else {
                attempts::store(connection, &account, state.after_wrong(WRONG_PASSWORDS_FREE, now))?;
                return Ok(Ok(None));
            };
            attempts::clear(connection, &account)?;
            let open = sessions::start(connection, Realm::Staff, login, now)?;
            let (actor, session) = (format!("staff:{login}"), open.session.to_string());
            asking.auth.audit.append(connection, now, &actor, "signed_in", &session)?;
            Ok(Ok(Some(open)))
        })
        .await?;
    settled.map_err(locked)
}

/// Too many wrong passwords: after how many seconds another one is looked at.
fn locked(seconds: u64) -> Problem {
    let times = u64::from(WRONG_PASSWORDS_FREE.unsigned_abs());
    Problem::too_many(Quota { name: "wrong-password", times, window_seconds: seconds }, seconds)
}

/// Takes a refresh token for a new pair. It works once: a second time ends the session.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "sign-in", request_body = RefreshBody, responses(
    (status = 200, description = "signed in again", body = SignedIn),
    (status = 401, description = "the session is over", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "a page's request without its CSRF token", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn refresh(
    app: web::Data<App>,
    request: HttpRequest,
    Json(body): Json<RefreshBody>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let (token, page) = match body.refresh_token {
        Some(token) => (token, None),
        None => {
            let page = PageSession::of(&request)?.ok_or_else(Problem::unauthenticated)?;
            let token = page.cookie(&request, Kind::Refresh).ok_or_else(Problem::unauthenticated)?;
            check_page(&app, &request, &token).await?;
            (token, Some(page))
        }
    };
    let now = app.now();
    let renewed = app.transaction(move |connection| Ok(sessions::renew(connection, &token, now)?)).await?;
    match renewed.filter(|open| page.is_none_or(|page| page.realm() == open.realm)) {
        Some(open) => signed_in(&app, page, open),
        None => Err(Problem::unauthenticated()),
    }
}

/// Ends the session: of the bearer token, of the refresh token, or of the page.
#[utoipa::path(post, path = "/v1/auth/logout", tag = "sign-in", request_body = RefreshBody, responses(
    (status = 204, description = "signed out"),
    (status = 401, description = "nobody was signed in", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "a page's request without its CSRF token", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn logout(
    app: web::Data<App>,
    request: HttpRequest,
    OptionalJson(body): OptionalJson<RefreshBody>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let body = body.unwrap_or_default();
    let mut page = None;
    let session = if let Some(token) = body.refresh_token {
        session_of(&app, token).await?
    } else if let Some(token) = auth::bearer(&request)? {
        app.auth.keyring.verify(&app, token).await?.session
    } else {
        page = PageSession::of(&request)?;
        let token = page.and_then(|page| page.cookie(&request, Kind::Refresh));
        let token = token.ok_or_else(Problem::unauthenticated)?;
        check_page(&app, &request, &token).await?;
        session_of(&app, token).await?
    };
    let (session, now) = (session.ok_or_else(Problem::unauthenticated)?, app.now());
    app.run(move |connection| Ok(sessions::end(connection, session, EndReason::SignedOut, now)?)).await?;
    let mut response = HttpResponse::NoContent();
    for cookie in page.into_iter().flat_map(PageSession::removed) {
        response.cookie(cookie);
    }
    Ok(response.finish())
}

async fn session_of(app: &Arc<App>, refresh_token: String) -> Result<Option<uuid::Uuid>, Problem> {
    app.run(move |connection| Ok(sessions::of_refresh_token(connection, &refresh_token)?)).await
}

/// Refuses a page's request without the CSRF token, before its refresh token is touched.
async fn check_page(app: &Arc<App>, request: &HttpRequest, refresh_token: &str) -> Result<(), Problem> {
    let session = session_of(app, refresh_token.to_owned()).await?.ok_or_else(Problem::unauthenticated)?;
    app.auth.csrf.check(request, session)
}

/// The page that wants cookies, of the right kind of people.
fn page_of(request: &HttpRequest, cookie: bool, realm: Realm) -> Result<Option<PageSession>, Problem> {
    if !cookie {
        return Ok(None);
    }
    match PageSession::of(request)? {
        Some(page) if page.realm() == realm => Ok(Some(page)),
        None if realm == Realm::Member => Ok(Some(PageSession::Member)),
        None => Ok(Some(PageSession::Office)),
        _ => Err(Problem::invalid_field(
            "X-Session",
            "a page that signs in with cookies names its session in X-Session",
            "страница, входящая через cookie, называет свою сессию в X-Session",
        )),
    }
}

fn signed_in(app: &App, page: Option<PageSession>, open: Open) -> Result<HttpResponse, Problem> {
    let now = app.now();
    let signer = app.auth.keyring.signer().ok_or_else(Problem::unavailable)?;
    let access = signer
        .sign(open.realm, open.subject, Some(open.session), now, ACCESS_LIFE)
        .map_err(|error| Problem::internal(&error))?;
    let expires_in = ACCESS_LIFE.num_seconds();
    let Some(page) = page else {
        return Ok(HttpResponse::Ok().json(SignedIn {
            access_token: Some(access),
            refresh_token: Some(open.refresh_token),
            token_type: Some("Bearer"),
            csrf_token: None,
            expires_in,
        }));
    };
    let csrf = app.auth.csrf.token(open.session);
    let whole = open.refresh_until - now;
    Ok(HttpResponse::Ok()
        .cookie(page.set(Kind::Access, &access, ACCESS_LIFE))
        .cookie(page.set(Kind::Refresh, &open.refresh_token, whole))
        .cookie(page.set(Kind::Csrf, &csrf, whole))
        .json(SignedIn {
            access_token: None,
            refresh_token: None,
            token_type: None,
            csrf_token: Some(csrf),
            expires_in,
        }))
}

fn refused(en: &'static str, ru: &'static str) -> Problem {
    Problem::unauthenticated().detail(en, ru)
}
