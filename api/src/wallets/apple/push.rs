//! Devices told that a pass changed: an empty push through Apple's service (APNs), over HTTP/2, with the certificate of
//! passes. The device then asks the web service itself; nothing of the pass goes through Apple.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use card_issuer::pass::apple::signing::Signer;

use super::{registrations, wrong};
use crate::app::App;
use crate::config::Settings;
use crate::problem::Problem;
use crate::wallets::WalletError;
use crate::wallets::updates::{Outcome, Taken};

/// Apple's service. Passes know no other environment.
pub const APPLE: &str = "https://api.push.apple.com";
/// How long one push takes at most.
const TRY_MAX: Duration = Duration::from_secs(20);
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// What of a refusal is read.
const ANSWER_MAX: usize = 4 << 10;

/// The way to the service.
pub struct Push {
    client: Client,
    url: String,
    topic: String,
}

impl Push {
    /// Opens it: HTTP/2 alone, our certificate shown, the service's judged by the public roots or those of `apns_ca`.
    pub(super) fn open(url: &str, signer: &Signer, settings: &Settings) -> Result<Self, WalletError> {
        let parsed = reqwest::Url::parse(url).map_err(|error| wrong("apns_url", &error))?;
        if parsed.scheme() != "https" {
            return Err(wrong("apns_url", &"must begin with https://"));
        }
        let mut roots = rustls::RootCertStore::empty();
        match settings.apns_ca.trim() {
            "" => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            path => {
                let pem = std::fs::read(path).map_err(|error| wrong("apns_ca", &error))?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|error| wrong("apns_ca", &error))?;
                    roots.add(certificate).map_err(|error| wrong("apns_ca", &error))?;
                }
            }
        }
        let own = signer.certificates().iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signer.key_der().to_vec()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("apns_url", &error))?
            .with_root_certificates(roots)
            .with_client_auth_cert(own, key)
            .map_err(|error| wrong("apple_key", &error))?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .http2_prior_knowledge()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .timeout(TRY_MAX)
            .connect_timeout(CONNECT_MAX)
            .build()
            .map_err(|error| wrong("apns_url", &error))?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, topic: signer.pass_type().to_owned() })
    }

    async fn push(&self, token: &str) -> Outcome {
        let request = self
            .client
            .post(format!("{}/3/device/{token}", self.url))
            .header("apns-topic", &self.topic)
            .header(CONTENT_TYPE, "application/json")
            .body("{}");
        match request.send().await {
            Ok(answer) => judged(answer).await,
            Err(error) if error.is_timeout() => Outcome::Later("timeout", None),
            Err(error) if error.is_connect() => Outcome::Later("connect", None),
            Err(_) => Outcome::Later("interrupted", None),
        }
    }
}

/// Tells a device that its pass changed, if it is still registered for it.
pub async fn send(app: Arc<App>, update: Taken) -> Outcome {
    let looking = Arc::clone(&app);
    let found = tokio::task::spawn_blocking(move || {
        let mut connection = looking.connection()?;
        let token = registrations::push_token(&mut connection, &update.device, update.card_id)?;
        Ok::<_, Problem>(token)
    });
    let token = match found.await {
        Ok(Ok(Some(token))) => token,
        Ok(Ok(None)) => return Outcome::Done,
        Ok(Err(_)) | Err(_) => return Outcome::Later("the database", None),
    };
    match app.wallets.apple(app.now()).and_then(|issuer| issuer.push.as_ref()) {
        Some(push) => push.push(&token).await,
        None => Outcome::Later("no certificate", None),
    }
}

async fn judged(mut answer: Response) -> Outcome {
    let status = answer.status();
    if status.is_success() {
        return Outcome::Done;
    }
    let asked = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse::<u32>().ok())
        .map(|seconds| TimeDelta::seconds(seconds.into()));
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            break;
        }
    }
    let reason = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.reason).unwrap_or_default();
    outcome(status, &reason, asked)
}

/// What the service says of a push it doesn't take.
#[derive(Default, serde::Deserialize)]
struct Refusal {
    reason: String,
}

/// What comes of a refusal.
fn outcome(status: StatusCode, reason: &str, asked: Option<TimeDelta>) -> Outcome {
    match (status.as_u16(), reason) {
        (410, _) | (400, "BadDeviceToken" | "DeviceTokenNotForTopic") => Outcome::Gone,
        // Our certificate: put right by whoever runs the program, and tried again meanwhile.
        (403, _) => Outcome::Later("the certificate", asked),
        (429, _) => Outcome::Later("too many", asked),
        (500..=599, _) => Outcome::Later("status", asked),
        _ => Outcome::Refused("refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_for_good_or_for_now() {
        let of = |status: u16, reason: &str| outcome(StatusCode::from_u16(status).unwrap(), reason, None);
        assert_eq!(of(410, "Unregistered"), Outcome::Gone);
        assert_eq!(of(400, "BadDeviceToken"), Outcome::Gone);
        assert_eq!(of(400, "PayloadTooLarge"), Outcome::Refused("refused"));
        for status in [403, 429, 500, 503] {
            assert!(matches!(of(status, ""), Outcome::Later(..)), "{status}");
        }
    }
}
