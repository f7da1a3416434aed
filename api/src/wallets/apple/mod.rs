//! Apple's kind of pass: whose certificate signs it, what a device shows for it, the devices that hold it, how they are
//! told.

pub mod push;
pub mod registrations;

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use card_issuer::pass::apple::chain;
use card_issuer::pass::apple::signing::{Signer, SigningError};
use card_issuer::pass::apple::{Pass, Standing};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use reqwest::Url;

use super::WalletError;
use super::shown::{Life, Shown};
use crate::app::App;
use crate::auth::secrets;
use crate::config::Settings;
use crate::keys::MasterKey;
use crate::problem::Problem;

/// What a chain of our own calls itself.
const OWN_PASS_TYPE: &str = "pass.org.unioncard.demo";
const OWN_TEAM: &str = "UNIONCARD0";

/// Who signs passes and tells devices of changes.
pub struct Issuer {
    /// Signs.
    pub signer: Signer,
    push: Option<push::Push>,
}

impl Issuer {
    /// With the certificates of the settings; `None` where none are named, or theirs has run out: a wallet is no reason
    /// not to sell.
    ///
    /// # Errors
    /// A file that can't be read, or isn't what it should be.
    pub fn of_settings(settings: &Settings, now: DateTime<Utc>) -> Result<Option<Self>, WalletError> {
        let files = [
            ("apple_certificate", &settings.apple_certificate),
            ("apple_key", &settings.apple_key),
            ("apple_wwdr", &settings.apple_wwdr),
        ];
        if files.iter().all(|(_, path)| path.trim().is_empty()) {
            return Ok(None);
        }
        let [certificate, key, intermediate] = files.map(|(name, path)| {
            std::fs::read_to_string(path.trim())
                .map_err(|error| WalletError::Setting { name, reason: error.to_string() })
        });
        if !can_be_called(&settings.public_url()) {
            let reason = "phones ask Apple's passes of an https address alone".to_owned();
            return Err(WalletError::Setting { name: "public_url", reason });
        }
        match Signer::from_pem(&certificate?, &key?, &intermediate?, now) {
            Ok(signer) => Self::of(signer, settings, true).map(Some),
            Err(error @ SigningError::Validity(..)) => {
                tracing::error!(%error, "no passes for Apple Wallet");
                Ok(None)
            }
            Err(error) => Err(wrong("apple_certificate", &error)),
        }
    }

    /// With a chain of our own, made once in the data folder. Phones refuse what it signs, and Apple's servers its
    /// pushes: nothing is pushed unless the settings say where to.
    ///
    /// # Errors
    /// The folder's.
    pub fn self_made(settings: &Settings, now: DateTime<Utc>) -> Result<Self, WalletError> {
        let folder = settings.data_dir.join("apple");
        let unreadable = |error: &dyn std::fmt::Display| wrong("data_dir", error);
        if !folder.is_dir() {
            make_chain(&folder, now).map_err(|error| unreadable(&error))?;
        }
        let read =
            |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| unreadable(&error));
        let signer = Signer::from_pem(&read(CERTIFICATE)?, &read(KEY)?, &read(INTERMEDIATE)?, now)
            .map_err(|error| unreadable(&error))?;
        Self::of(signer, settings, false)
    }

    fn of(signer: Signer, settings: &Settings, apples: bool) -> Result<Self, WalletError> {
        let push = match (settings.apns_url.trim(), apples) {
            ("", false) => None,
            ("", true) => Some(push::Push::open(push::APPLE, &signer, settings)?),
            (url, _) => Some(push::Push::open(url, &signer, settings)?),
        };
        Ok(Self { signer, push })
    }

    /// Whether devices are told of changes.
    pub fn pushes(&self) -> bool {
        self.push.is_some()
    }

    /// The file of a pass, as it is shown.
    ///
    /// # Errors
    /// 500
    pub fn package(
        &self,
        app: &App,
        connection: &mut PgConnection,
        shown: &Shown,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, Problem> {
        let look = app.wallets.looks.of(connection, shown.design)?;
        let page_url = app.settings.public_url();
        let service_url = format!("{page_url}/v1/apple");
        let serial = shown.card.id.to_string();
        let pass = Pass {
            card: shown.card.id,
            number: shown.card.number,
            expires_on: shown.card.expires_on,
            ends_at: shown.card.ends_at(),
            standing: standing(shown),
            union: &shown.union,
            design: &look.design,
            available: shown.balance.available,
            pending: shown.balance.pending,
            debt: shown.balance.debt,
            tier: shown.tier.as_deref(),
            expiring: shown.expiring.map(|next| (next.amount, next.on)),
            service_url: &service_url,
            token: &token(&app.master, &serial),
            page_url: &page_url,
        };
        let pictures = look.pictures().map_err(|error| Problem::internal(&error))?;
        pass.package(pictures, &self.signer, now).map_err(|error| Problem::internal(&error))
    }
}

fn wrong(name: &'static str, error: &dyn std::fmt::Display) -> WalletError {
    WalletError::Setting { name, reason: error.to_string() }
}

fn standing(shown: &Shown) -> Standing {
    match shown.life {
        Life::Void => Standing::Void,
        Life::Expired => Standing::Expired,
        Life::Valid if shown.frozen => Standing::Frozen,
        Life::Valid if shown.enrolled => Standing::Member,
        Life::Valid => Standing::Outside,
    }
}

/// What a device shows for a pass: derived from the serial number, never stored.
pub fn token(master: &MasterKey, serial: &str) -> String {
    master.derive(&format!("apple-pass/1/{serial}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether this is the token of a serial number, known or not: it takes the same time.
pub fn is_token(master: &MasterKey, serial: &str, shown: &str) -> bool {
    secrets::same(shown.as_bytes(), token(master, serial).as_bytes())
}

/// Whether a phone calls a web service at an address: over https, or on the machine itself where it is tried out.
fn can_be_called(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| match url.scheme() {
        "https" => true,
        _ => matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")),
    })
}

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const INTERMEDIATE: &str = "wwdr.pem";
const ROOT: &str = "root.pem";

/// Makes the folder with a chain in it: written whole under another name, so that of two who start at once one wins.
fn make_chain(folder: &Path, now: DateTime<Utc>) -> std::io::Result<()> {
    let made = chain::made(OWN_PASS_TYPE, OWN_TEAM, now).map_err(std::io::Error::other)?;
    let draft = folder.with_extension(format!("{}.new", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&draft)?;
    for (name, text) in [
        (ROOT, &made.root),
        (INTERMEDIATE, &made.intermediate),
        (CERTIFICATE, &made.certificate),
        (KEY, &made.key),
    ] {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft.join(name))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    let named = std::fs::rename(&draft, folder);
    if folder.is_dir() {
        if named.is_err() {
            std::fs::remove_dir_all(&draft)?;
        }
        return Ok(());
    }
    named
}
