//! Settings: the compiled-in, self-documenting defaults, overridden by the environment (and a `.env`), checked once.

use std::cell::Cell;
use std::io::Read;
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
    "apple_certificate",
    "apple_key",
    "apple_wwdr",
    "apns_url",
    "apns_ca",
    "google_issuer",
    "google_key",
    "google_origins",
    "google_url",
    "google_balances",
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

/// Whether the card at Google shows the balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GoogleBalances {
    /// The points, as money: no name stands beside them.
    Shown,
    /// The card alone.
    Hidden,
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
    /// The certificate of passes, a PEM file.
    pub apple_certificate: String,
    /// Its key, a PEM file.
    pub apple_key: String,
    /// Apple's intermediate above it, a PEM file.
    pub apple_wwdr: String,
    /// Where pushes for passes go.
    pub apns_url: String,
    /// Whose certificate that service shows, a PEM file.
    pub apns_ca: String,
    /// Google's number of the issuer.
    pub google_issuer: String,
    /// The service account's key, a JSON file.
    pub google_key: String,
    /// Origins whose pages show the button, separated by commas.
    pub google_origins: String,
    /// Google's service.
    pub google_url: String,
    /// Whether the card at Google shows the balances.
    pub google_balances: GoogleBalances,
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Wrong type or unknown name.
    #[error("settings: {0}")]
    Malformed(#[from] Box<figment::Error>),
    /// A line of `.env` that can't be read; what stands there is not told, since it may be a secret.
    #[error("line {0} of .env is no NAME=value")]
    BrokenLine(usize),
    /// The `.env` as a whole.
    #[error(".env can't be read: {0}")]
    Unreadable(std::io::Error),
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
        read_dotenv(Path::new(".env"))?;
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
        // The posting threads keep two, a file's worker holds two (three where there are eight); the rest is everybody's.
        if settings.connections_max < 6 || settings.connections_max > 200 {
            return Err(SettingsError::Invalid {
                name: "connections_max",
                reason: "must be 6 to 200".into(),
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

/// Puts `NAME=value` lines of a file into the settings' environment; what the environment already says wins. A file with
/// a broken line is refused as a whole.
fn read_dotenv(path: &Path) -> Result<(), SettingsError> {
    if !path.is_file() {
        return Ok(());
    }
    let text = std::fs::read_to_string(path).map_err(SettingsError::Unreadable)?;
    if let Some(line) = broken_line(&text) {
        return Err(SettingsError::BrokenLine(line));
    }
    dotenvy::from_path(path).map_err(|error| SettingsError::Unreadable(std::io::Error::other(error)))
}

/// The number of the first line of a `.env` that can't be read. `dotenvy` tells its content alone, which may be a secret.
fn broken_line(text: &str) -> Option<usize> {
    let given = Cell::new(0);
    let lines =
        LineByLine { rest: text.trim_start_matches('\u{feff}').as_bytes(), begun: true, given: &given };
    dotenvy::Iter::new(lines).find_map(Result::err).map(|error| match error {
        // What is broken may be longer than a line: a quote that isn't closed.
        dotenvy::Error::LineParse(broken, _) => {
            (given.get() + 1).saturating_sub(broken.lines().count().max(1))
        }
        _ => given.get(),
    })
}

/// Gives a text a line a reading, so that whoever buffers it has read no further than the line it is at.
struct LineByLine<'a> {
    rest: &'a [u8],
    begun: bool,
    given: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let (mut line, rest) = self.rest.split_at(end.min(into.len()));
        if self.begun && !line.is_empty() {
            self.given.set(self.given.get() + 1);
        }
        self.begun = line.ends_with(b"\n");
        self.rest = rest;
        line.read(into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_broken_line_of_a_dotenv_is_found() {
        let long = format!("LONG={}\nSECRET hunter2\n", "x".repeat(20_000));
        for (text, line) in [
            ("", None),
            ("A=1\n# SECRET hunter2\n\nB='two words' # of it\nexport C=\"1\n2\"\n", None),
            ("\u{feff}A=1\r\nB=2", None),
            ("SECRET hunter2", Some(1)),
            ("A=1\n\n# B\nSECRET hunter2\nC=1\n", Some(4)),
            ("A=\"1\n2\"\nSECRET hunter2\n", Some(3)),
            ("A=1\nB='open\nC=1\nD=1\n", Some(2)),
            (&long, Some(2)),
        ] {
            assert_eq!(broken_line(text), line, "{text:.60}");
        }
    }
}
