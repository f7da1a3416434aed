//! Sessions of pages: three `__Host-` cookies each, and the token that shows a page of ours sent the request.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use uuid::Uuid;

use super::secrets;
use super::token::Realm;
use crate::keys::MasterKey;
use crate::problem::Problem;

/// The header that names the page's session.
pub const SESSION_HEADER: &str = "x-session";
/// The header that repeats the readable cookie.
pub const CSRF_HEADER: &str = "x-csrf-token";

shared_kernel::text_enum!(
    /// The pages, each with a session of its own, so that all three can be open in one browser.
    PageSession {
        /// The member's page.
        Member => "member",
        /// The till.
        Till => "till",
        /// The office.
        Office => "office",
    }
);

/// The three cookies of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// What scripts of ours can read and send back.
    Csrf,
}

impl PageSession {
    /// The page that sent the request, if it was one. Where no header says, as where a browser goes to an address itself, it
    /// is the only page whose cookies came; what is a member's own is the member's page's, whatever else is open.
    ///
    /// # Errors
    /// 422 when the header is there and names none.
    pub fn of(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let mut values = request.headers().get_all(SESSION_HEADER);
        match (values.next(), values.next()) {
            (None, _) => {
                let came = |page: &Self| {
                    page.cookie(request, Kind::Access)
                        .or_else(|| page.cookie(request, Kind::Refresh))
                        .is_some()
                };
                let mut pages = [Self::Member, Self::Till, Self::Office].into_iter().filter(came);
                if request.path().starts_with("/v1/me/") && came(&Self::Member) {
                    return Ok(Some(Self::Member));
                }
                Ok(pages.next().filter(|_| pages.next().is_none()))
            }
            (Some(value), None) => {
                value.to_str().ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(wrong_page)
            }
            _ => Err(wrong_page()),
        }
    }

    /// Who uses this page.
    pub const fn realm(self) -> Realm {
        match self {
            Self::Member => Realm::Member,
            Self::Till | Self::Office => Realm::Staff,
        }
    }

    /// The value of one of its cookies.
    pub fn cookie(self, request: &HttpRequest, kind: Kind) -> Option<String> {
        request.cookie(&self.name(kind)).map(|cookie| cookie.value().to_owned()).filter(|v| !v.is_empty())
    }

    fn name(self, kind: Kind) -> String {
        let kind = match kind {
            Kind::Access => "access",
            Kind::Refresh => "refresh",
            Kind::Csrf => "csrf",
        };
        format!("__Host-{self}-{kind}")
    }

    /// A cookie to set; without a value, to remove.
    pub fn set(self, kind: Kind, value: &str, life: TimeDelta) -> Cookie<'static> {
        Cookie::build(self.name(kind), value.to_owned())
            .path("/")
            .secure(true)
            .http_only(kind != Kind::Csrf)
            .same_site(SameSite::Strict)
            .max_age(time::Duration::seconds(life.num_seconds()))
            .finish()
    }

    /// All three, removed.
    pub fn removed(self) -> [Cookie<'static>; 3] {
        [Kind::Access, Kind::Refresh, Kind::Csrf].map(|kind| self.set(kind, "", TimeDelta::zero()))
    }
}

fn wrong_page() -> Problem {
    Problem::invalid_field("X-Session", "is member, till or office", "бывает member, till или office")
}

/// Makes and checks the tokens that bind a request to its session.
pub struct Csrf {
    key: [u8; 32],
}

impl Csrf {
    /// Under this master key.
    pub fn new(master: &MasterKey) -> Self {
        Self { key: master.derive("csrf tokens") }
    }

    /// The session's token.
    pub fn token(&self, session: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(secrets::keyed_hash(&self.key, &[session.as_bytes()]))
    }

    /// Refuses a request that a foreign page could have sent.
    ///
    /// # Errors
    /// 403
    pub fn check(&self, request: &HttpRequest, session: Uuid) -> Result<(), Problem> {
        let mut values = request.headers().get_all(CSRF_HEADER);
        let sent = match (values.next(), values.next()) {
            (Some(value), None) => value.as_bytes(),
            _ => &[],
        };
        if secrets::same(sent, self.token(session).as_bytes()) {
            return Ok(());
        }
        Err(Problem::forbidden().detail(
            "the X-CSRF-Token header of this session is missing or wrong",
            "Нет заголовка X-CSRF-Token этой сессии или он неверен",
        ))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_token_is_the_sessions_own() {
        let csrf = Csrf { key: [1; 32] };
        let (mine, other) = (Uuid::now_v7(), Uuid::now_v7());
        let send = |values: &[String]| {
            values
                .iter()
                .fold(TestRequest::post(), |request, value| {
                    request.append_header((CSRF_HEADER, value.clone()))
                })
                .to_http_request()
        };
        assert!(csrf.check(&send(&[csrf.token(mine)]), mine).is_ok());
        let foreign_key = Csrf { key: [2; 32] }.token(mine);
        let refused = [
            vec![],
            vec![String::new()],
            vec![csrf.token(other)],
            vec![foreign_key],
            vec![csrf.token(mine), csrf.token(mine)],
            vec![csrf.token(mine) + "A"],
        ];
        for values in refused {
            assert!(csrf.check(&send(&values), mine).is_err(), "{values:?}");
        }
    }

    #[test]
    fn what_is_a_members_own_is_the_members_page() {
        let asked = |path: &str, pages: &[&str]| {
            let request = pages.iter().fold(TestRequest::get().uri(path), |request, page| {
                request.cookie(Cookie::new(format!("__Host-{page}-access"), "x"))
            });
            PageSession::of(&request.to_http_request()).unwrap()
        };
        let pass = "/v1/me/cards/1/apple.pkpass";
        assert_eq!(asked(pass, &["member", "office"]), Some(PageSession::Member));
        assert_eq!(asked(pass, &["office"]), Some(PageSession::Office));
        assert_eq!(asked("/v1/members/1", &["member", "office"]), None);
        assert_eq!(asked(pass, &[]), None);
    }

    #[test]
    fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
        let cookie = PageSession::Till.set(Kind::Access, "abc", TimeDelta::minutes(15)).to_string();
        assert_eq!(cookie, "__Host-till-access=abc; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900");
        let readable = PageSession::Member.set(Kind::Csrf, "abc", TimeDelta::minutes(15)).to_string();
        assert!(!readable.contains("HttpOnly"));
    }

    #[test]
    fn a_page_names_itself_once_and_rightly() {
        let request = |values: &[&'static str]| {
            values
                .iter()
                .fold(TestRequest::get(), |request, value| request.append_header((SESSION_HEADER, *value)))
                .to_http_request()
        };
        assert_eq!(PageSession::of(&request(&[])).unwrap(), None);
        assert_eq!(PageSession::of(&request(&["office"])).unwrap(), Some(PageSession::Office));
        assert!(PageSession::of(&request(&["admin"])).is_err());
        assert!(PageSession::of(&request(&["till", "till"])).is_err());
    }
}
