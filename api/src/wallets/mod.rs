//! Cards in the wallets of phones, kept true: what a pass shows, which passes are out there, and whom to tell that one of
//! them shows something else.
//!
//! | module | what it holds |
//! |---|---|
//! | [`shown`] | what any wallet shows of a card, read for many cards at once |
//! | [`looks`] | designs as wallets draw them, kept |
//! | [`changes`] | the passes out there, and which of them changed |
//! | [`updates`] | wallets to be told: a queue |
//! | [`sender`] | the thread that looks for changes and tells |
//! | [`apple`] | Apple's kind |
//! | [`google`] | Google's kind |
//!
//! Nothing is added to posting: the relay marks the passes of the members its events name, jobs those of the members they
//! moved, and whatever is marked is compared with what it showed.

pub mod apple;
pub mod changes;
pub mod google;
pub mod looks;
pub mod sender;
pub mod shown;
pub mod updates;

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::app::App;
use crate::config::Settings;

shared_kernel::text_enum!(
    /// A kind of wallet.
    Provider {
        /// Apple Wallet.
        Apple => "apple",
        /// Google Wallet.
        Google => "google",
    }
);

/// A wallet's settings that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// A file that can't be read, or made.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the wallets need, opened once.
#[derive(Default)]
pub struct Wallets {
    apple: OnceLock<apple::Issuer>,
    google: Option<google::Issuer>,
    /// Designs as wallets draw them.
    pub looks: looks::Looks,
    /// Rung when something was marked.
    pub(crate) bell: Notify,
}

impl Wallets {
    /// Opens the wallets that the settings name.
    ///
    /// # Errors
    /// [`WalletError`]
    pub fn open(settings: &Settings, now: DateTime<Utc>) -> Result<Self, WalletError> {
        let wallets = Self { google: google::Issuer::of_settings(settings)?, ..Self::default() };
        if let Some(issuer) = apple::Issuer::of_settings(settings, now)? {
            // The cell is new: nobody else has filled it.
            let _ = wallets.apple.set(issuer);
        }
        Ok(wallets)
    }

    /// For a demo: what the settings don't name is made by ourselves, once. Phones refuse it.
    ///
    /// # Errors
    /// [`WalletError`]
    pub fn open_demo(&self, settings: &Settings, now: DateTime<Utc>) -> Result<(), WalletError> {
        if self.apple.get().is_none() {
            let _ = self.apple.set(apple::Issuer::self_made(settings, now)?);
        }
        Ok(())
    }

    /// Apple's passes, where they can be signed now.
    pub fn apple(&self, now: DateTime<Utc>) -> Option<&apple::Issuer> {
        self.apple.get().filter(|issuer| now <= issuer.signer.last_moment())
    }

    /// How long Apple's passes can still be signed; less than nothing once their certificate has run out.
    pub fn apple_left(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.apple.get().map(|issuer| issuer.signer.last_moment() - now)
    }

    /// Google's cards, where an account of ours speaks for us.
    pub fn google(&self) -> Option<&google::Issuer> {
        self.google.as_ref()
    }

    /// The wallets a card can be put into now.
    pub fn offered(&self, now: DateTime<Utc>) -> Vec<Provider> {
        let apple = self.apple(now).map(|_| Provider::Apple);
        apple.into_iter().chain(self.google().map(|_| Provider::Google)).collect()
    }

    /// The wallets that are told of changes.
    pub fn told(&self) -> Vec<Provider> {
        let apple = self.apple.get().filter(|issuer| issuer.pushes()).map(|_| Provider::Apple);
        apple.into_iter().chain(self.google().map(|_| Provider::Google)).collect()
    }

    /// Something was marked: the sender need not wait for its next look.
    pub fn ring(&self) {
        self.bell.notify_one();
    }
}

/// Starts the thread that keeps passes true; it ends with the program.
///
/// # Errors
/// When a thread can't be started.
pub fn start(app: &Arc<App>) -> std::io::Result<()> {
    let app = Arc::downgrade(app);
    std::thread::Builder::new().name("wallets".into()).spawn(move || sender::run(&app))?;
    Ok(())
}
