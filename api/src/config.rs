//! Settings: the compiled-in, self-documenting defaults, overridden by the environment (and a `.env`), checked once.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Toml};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

const DEFAULTS: &str = include_str!("config.default.toml");
const KEYS: &[&str] = &[
    "database_url",
    "redis_url",
    "smtp_url",
    "mail_from",
    "sms_url",
    "data_dir",
    "listen",
    "public_url",
    "unioncard_key",
    "trusted_proxies",
    "connections_max",
    "workers",
    "client_requests_per_second",
    "log_format",
    "webhooks_to_loopback",
];
const NUMBERS: &[&str] = &["connections_max", "workers", "client_requests_per_second"];

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a person at a terminal.
    Text,
}

/// Whether webhooks may go to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loopback {
    /// To public addresses over HTTPS alone.
    Refused,
    /// Also to loopback addresses, over HTTP too, at any port: for development and tests.
    Allowed,
}

/// The settings of `config.default.toml`, in its order and with its meanings. Secrets are hidden when printed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    database_url: SecretString,
    redis_url: SecretString,
    smtp_url: SecretString,
    /// Who mail comes from.
    pub mail_from: String,
    sms_url: SecretString,
    /// Where files of the program live.
    pub data_dir: PathBuf,
    /// Address and port to serve.
    pub listen: String,
    public_url: String,
    unioncard_key: SecretString,
    trusted_proxies: String,
    /// Connections to PostgreSQL; the posting threads keep one each.
    pub connections_max: u32,
    /// Requests a second a partner's program may send to one process.
    pub client_requests_per_second: u32,
    /// HTTP workers; 0 is one per core.
    pub workers: usize,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Whether webhooks may go to this machine.
    pub webhooks_to_loopback: Loopback,
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Wrong type or unknown name.
    #[error("settings: {0}")]
    Malformed(#[from] Box<figment::Error>),
    /// A value outside its range.
    #[error("setting {name}: {reason}")]
    Invalid {
        /// The setting.
        name: &'static str,
        /// What it must be.
        reason: String,
    },
}

fn given(secret: &SecretString) -> Option<&str> {
    Some(secret.expose_secret().trim()).filter(|text| !text.is_empty())
}

impl Settings {
    /// Reads the defaults, `.env` and the environment.
    ///
    /// # Errors
    /// [`SettingsError`] naming the setting.
    pub fn read() -> Result<Self, SettingsError> {
        read_dotenv(Path::new(".env"));
        let given = KEYS.iter().filter_map(|key| Some((*key, std::env::var(key.to_ascii_uppercase()).ok()?)));
        let defaults = Figment::from(Toml::string(DEFAULTS));
        Self::checked(given.fold(defaults, |settings, (key, text)| match text.trim().parse::<u32>() {
            // Only these are numbers: a key or password made of digits stays a text.
            Ok(number) if NUMBERS.contains(&key) => settings.merge((key, number)),
            _ => settings.merge((key, text)),
        }))
    }

    /// The defaults with these settings over them, whatever the environment says: for programs that start this one
    /// as a library.
    ///
    /// # Errors
    /// [`SettingsError`] naming the setting.
    pub fn of<'a>(given: impl IntoIterator<Item = (&'a str, String)>) -> Result<Self, SettingsError> {
        let defaults = Figment::from(Toml::string(DEFAULTS));
        Self::checked(
            given.into_iter().fold(defaults, |settings, (name, value)| settings.merge((name, value))),
        )
    }

    fn checked(figment: Figment) -> Result<Self, SettingsError> {
        let mut settings: Self = figment.extract().map_err(Box::new)?;
        if settings.connections_max == 0 || settings.connections_max > 200 {
            return Err(SettingsError::Invalid {
                name: "connections_max",
                reason: "must be 1 to 200".into(),
            });
        }
        if settings.client_requests_per_second < 200 {
            return Err(SettingsError::Invalid {
                name: "client_requests_per_second",
                reason: "must be 200 at least".into(),
            });
        }
        settings.trusted_proxy_list()?;
        std::fs::create_dir_all(&settings.data_dir)
            .and_then(|()| settings.data_dir.canonicalize())
            .map(|path| settings.data_dir = path)
            .map_err(|e| SettingsError::Invalid { name: "data_dir", reason: e.to_string() })?;
        Ok(settings)
    }

    /// PostgreSQL's address, when one is given.
    pub fn database_url(&self) -> Option<&str> {
        given(&self.database_url)
    }

    /// Redis' address, when one is given.
    pub fn redis_url(&self) -> Option<&str> {
        given(&self.redis_url)
    }

    /// The mail server's address, when one is given.
    pub fn smtp_url(&self) -> Option<&str> {
        given(&self.smtp_url)
    }

    /// The SMS gateway's address, when one is given.
    pub fn sms_url(&self) -> Option<&str> {
        given(&self.sms_url)
    }

    /// The master key's text, when one is given.
    pub fn master_key(&self) -> Option<&str> {
        given(&self.unioncard_key)
    }

    /// The address people and partners see, without a slash at the end.
    pub fn public_url(&self) -> String {
        let given = self.public_url.trim().trim_end_matches('/');
        if given.is_empty() { format!("http://{}", self.listen) } else { given.to_owned() }
    }

    /// Proxies whose `X-Forwarded-For` is believed.
    ///
    /// # Errors
    /// When one is no address.
    pub fn trusted_proxy_list(&self) -> Result<Vec<IpAddr>, SettingsError> {
        self.trusted_proxies
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse().map_err(|_| SettingsError::Invalid {
                    name: "trusted_proxies",
                    reason: format!("{text} is no IP address"),
                })
            })
            .collect()
    }
}

/// Puts `NAME=value` lines of a file into the settings' environment; what the environment already says wins.
fn read_dotenv(path: &Path) {
    if path.is_file()
        && let Err(error) = dotenvy::from_path(path)
    {
        tracing::warn!(%error, "the .env file is ignored");
    }
}
