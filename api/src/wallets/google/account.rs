//! The service account: the JSON file Google gives out, JWTs signed with its key (RS256), and the tokens it gets for
//! them (RFC 7523).

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Url};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;

use super::service::{self, Failure};
use super::{address, wrong};
use crate::wallets::WalletError;

/// What is asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// No longer is a signed request good; Google takes an hour at most.
const ASSERTION_LIFE: TimeDelta = TimeDelta::minutes(10);
/// A token is renewed so long before its end.
const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(2);
/// What of a token's answer is read.
const ANSWER_MAX: usize = 16 << 10;

/// The file, as far as we need it; it has more.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

/// A service account.
pub struct Account {
    email: String,
    key: EncodingKey,
    key_id: Option<String>,
    token_url: Url,
    /// The token there is, and until when it is good. One request at a time gets the next.
    token: Mutex<Option<(String, DateTime<Utc>)>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: i64,
}

impl Account {
    /// Reads the file and tries its key.
    pub(super) fn read(path: &str) -> Result<Self, WalletError> {
        let wrong = |error: &dyn std::fmt::Display| wrong("google_key", error);
        let text = std::fs::read(path).map_err(|error| wrong(&error))?;
        // What is wrong with it is told by its place, never by its content.
        let file: KeyFile = serde_json::from_slice(&text)
            .map_err(|error| wrong(&format!("no service account's JSON at line {}", error.line())))?;
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes())
            .map_err(|_| wrong(&"private_key is no PEM"))?;
        let pkcs1 = rsa_key(pkcs8.secret_pkcs8_der()).ok_or_else(|| wrong(&"private_key is no RSA key"))?;
        let account = Self {
            email: file.client_email,
            key: EncodingKey::from_rsa_der(pkcs1),
            key_id: file.private_key_id,
            token_url: address("google_key", &file.token_uri)?,
            token: Mutex::new(None),
        };
        account.sign(&json!({})).map_err(|_| wrong(&"private_key signs nothing"))?;
        Ok(account)
    }

    /// Who it is.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// A JWT of these claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.key)
    }

    /// A token that is good for a while.
    pub(super) async fn token(&self, client: &Client, now: DateTime<Utc>) -> Result<String, Failure> {
        let mut held = self.token.lock().await;
        if let Some((token, _)) = held.as_ref().filter(|(_, until)| now < *until) {
            return Ok(token.clone());
        }
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_url.as_str(),
            "iat": now.timestamp(),
            "exp": (now + ASSERTION_LIFE).timestamp(),
        });
        let assertion = self.sign(&claims).map_err(|_| Failure::Refused("the key"))?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT_TYPE)
            .append_pair("assertion", &assertion)
            .finish();
        let request = client
            .post(self.token_url.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let answer = request.send().await.map_err(|error| service::interrupted(&error))?;
        if !answer.status().is_success() {
            // A key that was revoked there is put right by whoever runs the program, and tried again meanwhile.
            return Err(Failure::Later("the key", service::asked_pause(&answer)));
        }
        let body = service::body(answer, ANSWER_MAX).await;
        let got: TokenAnswer = serde_json::from_slice(&body).map_err(|_| Failure::Later("no token", None))?;
        let until = now + TimeDelta::seconds(got.expires_in.clamp(0, 86_400)) - RENEWED_BEFORE;
        *held = Some((got.access_token.clone(), until));
        Ok(got.access_token)
    }

    /// A token was not taken: the next request gets another.
    pub(super) async fn forget_token(&self) {
        *self.token.lock().await = None;
    }
}

/// The RSA key inside a PKCS #8 key (RFC 5208 §5): `SEQUENCE { INTEGER, SEQUENCE, OCTET STRING { RSAPrivateKey } }`.
fn rsa_key(pkcs8: &[u8]) -> Option<&[u8]> {
    let (whole, _) = element(pkcs8, 0x30)?;
    let (_, rest) = element(whole, 0x02)?;
    let (_, rest) = element(rest, 0x30)?;
    Some(element(rest, 0x04)?.0)
}

/// The content of the first element, which has this tag, and what comes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_inside_is_found_or_nothing_is() {
        let inner = [0x30, 0x03, 0x02, 0x01, 0x05];
        let whole =
            [&[0x30, 0x81, 0x0c, 0x02, 0x01, 0x00, 0x30, 0x00, 0x04, 0x05], inner.as_slice()].concat();
        assert_eq!(rsa_key(&whole), Some(inner.as_slice()));
        for cut in 0..whole.len() {
            assert_eq!(rsa_key(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(rsa_key(&[0x30, 0xff, 0x02]), None);
        assert_eq!(rsa_key(b"-----BEGIN"), None);
    }
}
