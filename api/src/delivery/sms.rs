//! Text messages: an HTTP gateway, or files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use ureq::tls::{RootCerts, TlsConfig};

use super::{DeliveryError, files};
use crate::app::App;
use crate::config::Settings;
use crate::problem::Problem;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The way text messages go.
pub(crate) enum Gateway {
    /// POST of `{"to","text"}`.
    Http {
        /// May hold a token.
        url: SecretString,
        agent: ureq::Agent,
    },
    /// `DATA_DIR/sms/*.txt`: the number, then the text.
    Files(PathBuf),
}

/// Sends a message at once to a number in E.164; it is stored nowhere.
///
/// # Errors
/// 503 when it can't be handed over now.
pub async fn send(app: &Arc<App>, to: &str, text: String) -> Result<(), Problem> {
    let (app, to) = (Arc::clone(app), to.to_owned());
    actix_web::web::block(move || app.delivery.sms.send(&to, &text))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| {
            tracing::warn!(%error, "a text message was not sent");
            Problem::unavailable()
        })
}

#[derive(Serialize)]
struct Message<'a> {
    to: &'a str,
    text: &'a str,
}

impl Gateway {
    pub(super) fn open(settings: &Settings) -> Result<Self, DeliveryError> {
        let Some(url) = settings.sms_url() else {
            return Ok(Self::Files(settings.data_dir.join("sms")));
        };
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(DeliveryError::Setting {
                name: "sms_url",
                reason: "must begin with https:// or http://".into(),
            });
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::WebPki)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self::Http { url: url.into(), agent })
    }

    /// Blocks, ten seconds at most.
    pub(super) fn send(&self, to: &str, text: &str) -> Result<(), DeliveryError> {
        match self {
            Self::Files(folder) => Ok(files::put(folder, "txt", format!("{to}\n{text}\n").as_bytes())?),
            Self::Http { url, agent } => {
                agent.post(url.expose_secret()).send_json(Message { to, text }).map_err(
                    |error| match error {
                        ureq::Error::StatusCode(400..=499) => DeliveryError::Refused("the SMS gateway"),
                        _ => DeliveryError::Later("the SMS gateway"),
                    },
                )?;
                Ok(())
            }
        }
    }
}
