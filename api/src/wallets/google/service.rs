//! Google's service over REST: a class is put there when its first card is, an object is inserted or brought up to date.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::Value;

use super::account::Account;
use super::{Card, wrong};
use crate::wallets::WalletError;
use crate::wallets::updates::Outcome;

/// How long one request takes at most.
const TRY_MAX: Duration = Duration::from_secs(15);
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// What of an answer is read, so that its connection can be used again.
const ANSWER_MAX: usize = 64 << 10;
/// Classes known to be there; then they are asked about anew.
const CLASSES_MAX: usize = 1_000;

/// Why Google didn't do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// What was asked about isn't there.
    Missing,
    /// For good: a word of ours says why.
    Refused(&'static str),
    /// May go well another time, after this pause at least.
    Later(&'static str, Option<TimeDelta>),
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Missing => Self::Gone,
            Failure::Refused(why) => Self::Refused(why),
            Failure::Later(why, pause) => Self::Later(why, pause),
        }
    }
}

/// The way to the service.
pub struct Service {
    client: Client,
    url: Url,
    /// Classes that were put there as they are.
    classes: Mutex<HashSet<String>>,
}

impl Service {
    /// Opens it; so many connections are kept.
    pub(super) fn open(url: Url, kept: usize) -> Result<Self, WalletError> {
        let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("google_url", &error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .timeout(TRY_MAX)
            .connect_timeout(CONNECT_MAX)
            .pool_max_idle_per_host(kept)
            .build()
            .map_err(|error| wrong("google_url", &error))?;
        Ok(Self { client, url, classes: Mutex::default() })
    }

    /// A card as it is now: its class, then its object, whether or not they were there.
    pub(super) async fn put(
        &self,
        account: &Account,
        card: &Card,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        self.put_class(account, card, now).await?;
        match self.send(account, (Method::POST, "loyaltyObject"), &card.object, now).await? {
            StatusCode::CONFLICT => {
                let path = format!("loyaltyObject/{}", card.object_id);
                self.expect(account, (Method::PATCH, &path), &card.object, now).await
            }
            status => judged(status),
        }
    }

    /// What can change of a card whose object is there.
    pub(super) async fn change(
        &self,
        account: &Account,
        card: &Card,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        self.put_class(account, card, now).await?;
        self.patch(account, (&card.object_id, &card.changes), now).await
    }

    /// Patches an object.
    pub(super) async fn patch(
        &self,
        account: &Account,
        (object, changes): (&str, &Value),
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let path = format!("loyaltyObject/{object}");
        self.expect(account, (Method::PATCH, &path), changes, now).await
    }

    async fn put_class(&self, account: &Account, card: &Card, now: DateTime<Utc>) -> Result<(), Failure> {
        if self.known_classes().contains(&card.class_id) {
            return Ok(());
        }
        match self.send(account, (Method::POST, "loyaltyClass"), &card.class, now).await? {
            // Its id is a hash of what it shows: one that is there is as it should be.
            StatusCode::CONFLICT => {}
            status => judged(status)?,
        }
        let mut known = self.known_classes();
        if known.len() >= CLASSES_MAX {
            known.clear();
        }
        known.insert(card.class_id.clone());
        Ok(())
    }

    fn known_classes(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.classes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn expect(
        &self,
        account: &Account,
        asked: (Method, &str),
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        judged(self.send(account, asked, body, now).await?)
    }

    /// Asks once; what it says of it. 409 is the caller's to judge.
    async fn send(
        &self,
        account: &Account,
        (method, path): (Method, &str),
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<StatusCode, Failure> {
        let token = account.token(&self.client, now).await?;
        let url = format!("{}/{path}", self.url.as_str().trim_end_matches('/'));
        let request = self
            .client
            .request(method, url)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let answer = request.send().await.map_err(|error| interrupted(&error))?;
        let (status, pause) = (answer.status(), asked_pause(&answer));
        body_read(answer).await;
        match status {
            StatusCode::UNAUTHORIZED => {
                account.forget_token().await;
                Err(Failure::Later("the token", pause))
            }
            // Our rights: put right by whoever runs the program, and tried again meanwhile.
            StatusCode::FORBIDDEN => Err(Failure::Later("no right", pause)),
            StatusCode::TOO_MANY_REQUESTS => Err(Failure::Later("too many", pause)),
            status if status.is_server_error() => Err(Failure::Later("status", pause)),
            status => Ok(status),
        }
    }
}

fn judged(status: StatusCode) -> Result<(), Failure> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND => Err(Failure::Missing),
        _ => Err(Failure::Refused("refused")),
    }
}

/// A request that got no answer.
pub(super) fn interrupted(error: &reqwest::Error) -> Failure {
    match error {
        error if error.is_timeout() => Failure::Later("timeout", None),
        error if error.is_connect() => Failure::Later("connect", None),
        _ => Failure::Later("interrupted", None),
    }
}

/// The pause an answer asks for.
pub(super) fn asked_pause(answer: &Response) -> Option<TimeDelta> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(TimeDelta::seconds(seconds.into()))
}

/// An answer's body, cut where it is too long.
pub(super) async fn body(mut answer: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            break;
        }
    }
    body
}

async fn body_read(answer: Response) {
    body(answer, ANSWER_MAX).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_or_says_what_to_do() {
        let of = |status: u16| judged(StatusCode::from_u16(status).expect("a status"));
        assert_eq!((of(200), of(201)), (Ok(()), Ok(())));
        assert_eq!(of(404), Err(Failure::Missing));
        assert_eq!((of(400), of(409)), (Err(Failure::Refused("refused")), Err(Failure::Refused("refused"))));
        assert_eq!(Outcome::from(Failure::Missing), Outcome::Gone);
    }
}
