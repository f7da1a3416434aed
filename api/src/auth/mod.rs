//! Who is asking, and what they may do.
//!
//! | module | what it holds |
//! |---|---|
//! | [`access`], [`principal`] | what a route requires, and who asks |
//! | [`token`], [`keyring`] | access tokens, and the keys that sign them |
//! | [`sessions`], [`cookies`] | sessions of people in PostgreSQL, and in the cookies of pages |
//! | [`codes`], [`members`], [`code_mail`] | members sign in with a code |
//! | [`contacts`] | another address or phone to sign in with |
//! | [`till_codes`] | members join the programme at a till with a code |
//! | [`staff`], [`password`] | staff sign in with a password |
//! | [`clients`] | partners' programs sign in with a secret |
//! | [`oauth`] | other people's wallets, with a member's consent |
//! | [`attempts`], [`guesses`], [`limits`], [`peer`] | how often what may be tried, and from where |
//! | [`idempotency`] | the same POST twice |
//! | [`audit`], [`secrets`] | the audit log; hashes and random secrets |

pub mod access;
pub mod attempts;
pub mod audit;
pub mod clients;
pub mod code_mail;
pub mod codes;
pub mod contacts;
pub mod cookies;
pub mod guesses;
pub mod idempotency;
pub mod keyring;
pub mod limits;
pub mod members;
pub mod oauth;
pub mod password;
pub mod peer;
pub mod principal;
pub mod retention;
pub mod scope;
pub mod secrets;
pub mod sessions;
pub mod staff;
pub mod till_codes;
pub mod token;

pub use access::Access;
pub use principal::{Principal, Role};

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use uuid::Uuid;

use self::cookies::{Kind, PageSession};
use self::keyring::{Keyring, KeyringError};
use self::principal::StaffPrincipal;
use self::token::{Realm, Verified};
use crate::app::App;
use crate::keys::MasterKey;
use crate::problem::Problem;

/// What signing in needs, held by the running program.
pub struct Auth {
    /// The keys of tokens.
    pub keyring: Keyring,
    /// What is remembered of partners' programs.
    pub clients: clients::Clients,
    /// Their requests in the running second.
    pub client_requests: limits::ClientRequests,
    /// The tokens of pages.
    pub csrf: cookies::Csrf,
    /// The audit log.
    pub audit: audit::AuditLog,
    /// Hashes accounts and codes.
    pub account_key: [u8; 32],
    /// Hashes what limits count.
    pub limit_key: [u8; 32],
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Auth {
    /// Reads the signing keys, the first of which is made; the master key has been checked.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub fn open(
        connection: &mut PgConnection,
        master: &MasterKey,
        trusted_proxies: Vec<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Self, KeyringError> {
        Ok(Self {
            keyring: Keyring::open(connection, master, now)?,
            clients: clients::Clients::default(),
            client_requests: limits::ClientRequests::default(),
            csrf: cookies::Csrf::new(master),
            audit: audit::AuditLog::new(master),
            account_key: master.derive("sign-in accounts"),
            limit_key: master.derive("limit subjects"),
            trusted_proxies,
        })
    }
}

/// Who sent this request: a bearer token, or, from a page, its cookie and for unsafe methods its CSRF token.
///
/// # Errors
/// 401; 403 without the CSRF token; 429 for a program beyond its limit; 503.
pub async fn authenticate(app: &Arc<App>, request: &HttpRequest) -> Result<Principal, Problem> {
    if let Some(token) = bearer(request)? {
        let hash = secrets::hash(token.as_bytes());
        let verified = match app.auth.clients.known_token(&hash, app.now()) {
            Some(verified) => verified,
            None => {
                let verified = app.auth.keyring.verify(app, token).await?;
                if verified.realm == Realm::Client {
                    app.auth.clients.remember_token(hash, verified.clone());
                }
                verified
            }
        };
        return principal_of(app, verified).await;
    }
    let page = PageSession::of(request)?.ok_or_else(Problem::unauthenticated)?;
    let token = page.cookie(request, Kind::Access).ok_or_else(Problem::unauthenticated)?;
    let verified = app.auth.keyring.verify(app, &token).await?;
    let session =
        verified.session.filter(|_| verified.realm == page.realm()).ok_or_else(Problem::unauthenticated)?;
    if !request.method().is_safe() {
        app.auth.csrf.check(request, session)?;
    }
    principal_of(app, verified).await
}

/// The one bearer token of a request, if it has an `Authorization` header.
///
/// # Errors
/// 401 for two headers, another scheme, or a token in the query.
pub fn bearer(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let in_query = form_urlencoded::parse(request.query_string().as_bytes())
        .any(|(name, _)| name.eq_ignore_ascii_case("access_token"));
    if in_query {
        return Err(Problem::unauthenticated().detail(
            "a token is sent in the Authorization header alone",
            "Токен передают только в Authorization",
        ));
    }
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let value = match (headers.next(), headers.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| Problem::unauthenticated())?,
        _ => {
            return Err(Problem::unauthenticated()
                .detail("there are two Authorization headers", "Заголовков Authorization два"));
        }
    };
    let (scheme, token) = value.split_once(' ').ok_or_else(Problem::unauthenticated)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthenticated());
    }
    Ok(Some(token))
}

/// Who a token speaks for, as of now: sessions and logins are read on every request, programs' once a second.
async fn principal_of(app: &Arc<App>, verified: Verified) -> Result<Principal, Problem> {
    let (now, subject) = (app.now(), verified.subject);
    match (verified.realm, verified.session) {
        (Realm::Client, _) => {
            let most = app.settings.client_requests_per_second;
            app.auth.client_requests.count(subject, now.timestamp(), most)?;
            app.auth.clients.principal(app, subject).await
        }
        (Realm::Wallet, Some(grant)) => wallet(app, verified, grant).await,
        (Realm::Member, Some(session)) => {
            let open =
                app.run(move |connection| Ok(sessions::is_open(connection, session, subject, now)?)).await?;
            open.then_some(Principal::Member { member: MemberId(subject), session })
                .ok_or_else(Problem::unauthenticated)
        }
        (Realm::Staff, Some(session)) => {
            let standing = app
                .run(move |connection| Ok(sessions::staff_standing(connection, session, subject, now)?))
                .await?;
            standing
                .map(|standing| staff_principal(subject, session, standing))
                .ok_or_else(Problem::unauthenticated)
        }
        (_, None) => Err(Problem::unauthenticated()),
    }
}

/// A wallet, while the member's consent goes on: what its token opens and the member still allows.
async fn wallet(app: &Arc<App>, verified: Verified, grant: Uuid) -> Result<Principal, Problem> {
    let (now, member) = (app.now(), verified.subject);
    let standing =
        app.run(move |connection| Ok(oauth::grants::standing(connection, grant, member, now)?)).await?;
    let (wallet, allowed) = standing.ok_or_else(Problem::unauthenticated)?;
    let most = app.settings.client_requests_per_second;
    app.auth.client_requests.count(wallet, now.timestamp(), most)?;
    let scopes =
        verified.scopes.filter(|scopes| scopes.within(&allowed)).ok_or_else(Problem::unauthenticated)?;
    Ok(Principal::Wallet { app: wallet, grant, member: MemberId(member), scopes })
}

fn staff_principal(staff: Uuid, session: Uuid, standing: sessions::StaffStanding) -> Principal {
    Principal::Staff(StaffPrincipal {
        staff,
        role: standing.role,
        organisation: standing.organisation,
        partner: standing.partner,
        outlets: standing.outlets.into_iter().flatten().collect(),
        session,
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn one_authorization_header_and_none_in_the_query() {
        let request = |uri: &str, headers: &[&str]| {
            headers
                .iter()
                .fold(TestRequest::with_uri(uri), |request, value| {
                    request.append_header((header::AUTHORIZATION, *value))
                })
                .to_http_request()
        };
        let token = |uri: &str, headers: &[&str]| {
            bearer(&request(uri, headers)).map(|token| token.map(str::to_owned)).ok()
        };
        assert_eq!(token("/", &[]), Some(None));
        assert_eq!(token("/", &["Bearer abc"]), Some(Some("abc".into())));
        assert_eq!(token("/", &["bearer abc"]), Some(Some("abc".into())));
        assert_eq!(token("/", &["Bearer abc", "Bearer abc"]), None);
        assert_eq!(token("/", &["Basic abc"]), None);
        assert_eq!(token("/", &["abc"]), None);
        assert_eq!(token("/?access_token=abc", &[]), None);
        assert_eq!(token("/?a=1&access%5Ftoken=abc", &["Bearer abc"]), None);
    }
}
