//! Google's kind of card: whose service account speaks for us, what it asks Google's service for, the link that puts a
//! card into a phone, how a card out there is changed.
//!
//! | module | what it holds |
//! |---|---|
//! | [`account`] | the service account: its key, and the tokens it gets with it |
//! | [`service`] | Google's service: classes and objects over REST |
//! | [`update`] | a card that shows something else now, or a wallet that was revoked |

pub mod account;
pub mod service;
pub mod update;

use card_issuer::devices::{Device, DeviceId};
use card_issuer::face::colour::Rgb;
use card_issuer::keys::NoKeyVersion;
use card_issuer::pass::google::{LoyaltyClass, LoyaltyObject, Points, State};
use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::account::Account;
use self::service::Service;
use super::WalletError;
use super::shown::{Life, Shown};
use crate::app::App;
use crate::config::{GoogleBalances, Settings};
use crate::problem::Problem;

/// Where a link that saves a card begins.
const SAVE: &str = "https://pay.google.com/gp/v/save/";
/// Browsers cut links that are longer.
pub const SAVE_URL_CHARS_MAX: usize = 1_800;

/// Who speaks to Google.
pub struct Issuer {
    id: String,
    origins: Vec<String>,
    page_url: String,
    shows_balances: bool,
    account: Account,
    /// For requests of people: their threads come and go, so each has a connection of its own.
    asked: Service,
    /// For the wallets' thread, which keeps its connections.
    told: Service,
}

/// What Google is told of a card.
#[derive(Debug, Clone)]
pub struct Card {
    /// The class's id.
    pub class_id: String,
    /// The class.
    pub class: Value,
    /// The object's id.
    pub object_id: String,
    /// The object, its secret included.
    pub object: Value,
    /// What of it can change.
    pub changes: Value,
}

impl Issuer {
    /// With the settings' service account; `None` where none is named.
    ///
    /// # Errors
    /// A file that can't be read, or a setting that can't be right.
    pub fn of_settings(settings: &Settings) -> Result<Option<Self>, WalletError> {
        let (id, path) = (settings.google_issuer.trim(), settings.google_key.trim());
        if id.is_empty() && path.is_empty() {
            return Ok(None);
        }
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("google_issuer", &"is Google's number of the issuer: digits alone"));
        }
        let page_url = settings.public_url();
        let origins: Vec<String> = match settings.google_origins.trim() {
            "" => vec![page_url.clone()],
            listed => listed.split(',').map(|origin| origin.trim().to_owned()).collect(),
        };
        if let Some(other) = origins.iter().find(|origin| !is_origin(origin)) {
            return Err(wrong("google_origins", &format!("{other} is no https origin")));
        }
        let api = address("google_url", settings.google_url.trim())?;
        Ok(Some(Self {
            id: id.to_owned(),
            origins,
            page_url,
            shows_balances: settings.google_balances == GoogleBalances::Shown,
            account: Account::read(path)?,
            asked: Service::open(api.clone(), 0)?,
            told: Service::open(api, 8)?,
        }))
    }

    /// The card as Google is told of it: as it is shown now, drawn by this device.
    ///
    /// # Errors
    /// What the device's codes were derived from is not here.
    pub fn card(&self, app: &App, shown: &Shown, base: Rgb, device: &Device) -> Result<Card, NoKeyVersion> {
        let class_id = self.class_id(&shown.union, base);
        let logo_url = format!("{}/icon-512.png", self.page_url);
        let class = LoyaltyClass {
            id: &class_id,
            union: &shown.union,
            logo_url: &logo_url,
            base,
            page_url: &self.page_url,
        };
        let object_id = self.object_id(device.id);
        let points = Points { available: shown.balance.available, pending: shown.balance.pending };
        let object = LoyaltyObject {
            id: &object_id,
            class_id: &class_id,
            account_id: &account_id(app, device.id),
            number: shown.card.number,
            secret: &app.derived.issuer.device_secret(device.id, device.key_version)?,
            state: state(shown.life),
            ends_at: shown.card.ends_at(),
            points: Some(points).filter(|_| self.shows_balances && shown.enrolled),
        };
        let (class, whole, changes) = (class.json(), object.json(), object.changes());
        Ok(Card { class, object: whole, changes, class_id, object_id })
    }

    /// Puts a card's class and object at Google, as they are now.
    ///
    /// # Errors
    /// Google's word, or that it could not be reached.
    pub async fn put(&self, card: &Card, now: DateTime<Utc>) -> Result<(), service::Failure> {
        self.asked.put(&self.account, card, now).await
    }

    /// The link that puts a card into a phone: it names the object, which is at Google already, and holds nothing else.
    ///
    /// # Errors
    /// 500
    pub fn save_url(&self, card: &Card, now: DateTime<Utc>) -> Result<String, Problem> {
        let named = json!({ "id": card.object_id, "classId": card.class_id });
        let claims = json!({
            "iss": self.account.email(),
            "aud": "google",
            "typ": "savetowallet",
            "iat": now.timestamp(),
            "origins": self.origins,
            "payload": { "loyaltyObjects": [named] },
        });
        let url = format!("{SAVE}{}", self.account.sign(&claims).map_err(|error| Problem::internal(&error))?);
        if url.len() > SAVE_URL_CHARS_MAX {
            return Err(Problem::internal(
                "the link for Google Wallet is too long: google_origins has too many",
            ));
        }
        Ok(url)
    }

    /// An object's id: that of the device, which nobody else knows.
    pub fn object_id(&self, device: DeviceId) -> String {
        format!("{}.{device}", self.id)
    }

    /// All cards that look alike have one class.
    fn class_id(&self, union: &str, base: Rgb) -> String {
        let looks = Sha256::digest(format!("{union}\n{base}").as_bytes());
        let suffix: String = looks.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("{}.card-{suffix}", self.id)
    }
}

/// Says nothing to anybody who doesn't hold the master key.
fn account_id(app: &App, device: DeviceId) -> String {
    let hash = app.master.derive(&format!("google-account/1/{device}"));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn state(life: Life) -> State {
    match life {
        Life::Valid => State::Active,
        Life::Void => State::Inactive,
        Life::Expired => State::Expired,
    }
}

fn wrong(name: &'static str, error: &dyn std::fmt::Display) -> WalletError {
    WalletError::Setting { name, reason: error.to_string() }
}

/// An address over https, or of this very machine.
fn address(name: &'static str, text: &str) -> Result<Url, WalletError> {
    let url = Url::parse(text).map_err(|error| wrong(name, &error))?;
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) | ("http", Some("127.0.0.1" | "[::1]" | "localhost")) => Ok(url),
        _ => Err(wrong(name, &"must begin with https://")),
    }
}

/// An origin as browsers write it; this very machine's serves development.
fn is_origin(text: &str) -> bool {
    address("google_origins", text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_write() {
        for right in ["https://card.example", "https://card.example:8443", "http://127.0.0.1:8080"] {
            assert!(is_origin(right), "{right}");
        }
        for wrong in
            ["https://card.example/", "http://card.example", "card.example", "", "https://a.example/b"]
        {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }
}
