//! What an app asks at the authorization endpoint (RFC 6749 §4.1.1, RFC 7636), judged, and the address its answer goes to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::apps::{self, WalletApp};
use super::scopes::{Scope, Scopes};
use crate::problem::Problem;

/// No longer `state` is given back.
const STATE_BYTES_MAX: usize = 2_048;

/// The parameters as they stand in the address; those we don't know are left aside, as the standard wants.
#[derive(Debug, Default)]
pub struct Asked {
    response_type: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    /// One of them stands there twice.
    repeated: bool,
}

/// A request that can be shown to the member.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Who asks.
    pub app: WalletApp,
    /// Where the answer goes: one of the app's addresses.
    pub redirect_uri: String,
    /// What for.
    pub scopes: Scopes,
    /// Given back as it came.
    pub state: Option<String>,
    /// Of PKCE, S256.
    pub challenge: String,
}

/// Why a request isn't shown.
#[derive(Debug)]
pub enum Refusal {
    /// Told here alone: who asks isn't known, or the address isn't theirs, so nothing is sent there.
    Here(Problem),
    /// Told to the app, at this address of its own.
    There(String),
}

impl Asked {
    /// Reads a query string.
    pub fn of_query(query: &str) -> Self {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "response_type" => &mut asked.response_type,
                "client_id" => &mut asked.client_id,
                "redirect_uri" => &mut asked.redirect_uri,
                "scope" => &mut asked.scope,
                "state" => &mut asked.state,
                "code_challenge" => &mut asked.code_challenge,
                "code_challenge_method" => &mut asked.code_challenge_method,
                _ => continue,
            };
            // A parameter without a value counts as left out.
            if !value.is_empty() && place.replace(value.into_owned()).is_some() {
                asked.repeated = true;
            }
        }
        asked
    }

    /// Judges the request: first who asks and where the answer would go, then the rest.
    ///
    /// # Errors
    /// The outer error is the database's.
    pub fn check(self, connection: &mut PgConnection, issuer: &str) -> QueryResult<Result<Checked, Refusal>> {
        let known = match self.client_id.as_deref() {
            // No id of ours is longer, nor has other characters.
            Some(id) if id.len() <= 64 && id.is_ascii() && !id.contains('\0') => apps::named(connection, id)?,
            _ => None,
        };
        Ok(self.judged(known, issuer))
    }

    fn judged(self, known: Option<WalletApp>, issuer: &str) -> Result<Checked, Refusal> {
        let Some(app) = known else { return Err(Refusal::Here(unknown_app())) };
        let Some(redirect_uri) = self.redirect_uri.filter(|asked| app.takes(asked)) else {
            return Err(Refusal::Here(foreign_address()));
        };
        let state = self.state;
        let told = state.clone().filter(|state| is_plain(state));
        let there = |error: &str, what: &str| {
            let parts = [("error", error), ("error_description", what)];
            Err(Refusal::There(address(&redirect_uri, &parts, told.as_deref(), issuer)))
        };
        if self.repeated {
            return there("invalid_request", "a parameter stands twice");
        }
        if told != state {
            return there("invalid_request", "state is up to 2048 printable ASCII characters");
        }
        match self.response_type.as_deref() {
            Some("code") => {}
            None => return there("invalid_request", "response_type is missing"),
            Some(_) => return there("unsupported_response_type", "response_type is code"),
        }
        if self.code_challenge_method.as_deref() != Some("S256") {
            return there("invalid_request", "code_challenge_method is S256");
        }
        let Some(challenge) = self.code_challenge.filter(|text| is_challenge(text)) else {
            return there("invalid_request", "code_challenge is SHA-256 of the verifier in base64url");
        };
        match self.scope.as_deref().and_then(Scopes::parse).filter(|asked| asked.within(&app.scope)) {
            Some(scopes) => Ok(Checked { app, redirect_uri, scopes, state, challenge }),
            None => there("invalid_scope", "scope names what this app may ask for"),
        }
    }
}

impl Checked {
    /// Where the code goes.
    pub fn allowed(&self, code: &str, issuer: &str) -> String {
        address(&self.redirect_uri, &[("code", code)], self.state.as_deref(), issuer)
    }

    /// Where a refusal by the member goes.
    pub fn refused(&self, issuer: &str) -> String {
        let parts = [("error", "access_denied"), ("error_description", "the member refused")];
        address(&self.redirect_uri, &parts, self.state.as_deref(), issuer)
    }

    /// The scopes, for the page.
    pub fn asked_for(&self) -> Vec<Scope> {
        self.scopes.iter().collect()
    }
}

/// An app's address with an answer: what it had in its query stays, `iss` says who answers (RFC 9207).
fn address(redirect_uri: &str, parts: &[(&str, &str)], state: Option<&str>, issuer: &str) -> String {
    let mut answer = form_urlencoded::Serializer::new(String::new());
    answer.extend_pairs(parts);
    if let Some(state) = state {
        answer.append_pair("state", state);
    }
    answer.append_pair("iss", issuer);
    let joint = match redirect_uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{redirect_uri}{joint}{}", answer.finish())
}

fn is_plain(state: &str) -> bool {
    state.len() <= STATE_BYTES_MAX && state.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

fn unknown_app() -> Problem {
    Problem::malformed("no app is registered under this client_id", "Такое приложение не зарегистрировано")
        .oauth("invalid_client")
}

fn foreign_address() -> Problem {
    Problem::malformed(
        "redirect_uri is none of this app's addresses",
        "Адрес возврата не принадлежит этому приложению",
    )
    .oauth("invalid_request")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://card.example";

    #[test]
    fn an_answer_keeps_what_the_address_had() {
        let answer = |uri: &str| address(uri, &[("code", "a b&c")], Some("x=1"), ISSUER);
        let tail = "code=a+b%26c&state=x%3D1&iss=https%3A%2F%2Fcard.example";
        assert_eq!(answer("https://bank.example/cb"), format!("https://bank.example/cb?{tail}"));
        assert_eq!(answer("https://bank.example/cb?a=1"), format!("https://bank.example/cb?a=1&{tail}"));
        assert_eq!(answer("https://bank.example/cb?"), format!("https://bank.example/cb?{tail}"));
        assert_eq!(answer("com.bank.app:/cb"), format!("com.bank.app:/cb?{tail}"));
    }

    #[test]
    fn a_parameter_without_a_value_is_left_out_and_unknown_ones_are_nothing() {
        let asked = Asked::of_query("client_id=&client_id=a&prompt=login&prompt=none&scope=card%20balance");
        assert_eq!(asked.client_id.as_deref(), Some("a"));
        assert_eq!(asked.scope.as_deref(), Some("card balance"));
        assert!(!asked.repeated && asked.state.is_none());
        assert!(Asked::of_query("state=a&state=a").repeated);
    }

    #[test]
    fn a_challenge_is_32_bytes_in_base64url() {
        assert!(is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        for wrong in
            ["", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "abc", &"A".repeat(44), &"A".repeat(42)]
        {
            assert!(!is_challenge(wrong), "{wrong}");
        }
    }
}
