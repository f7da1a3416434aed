//! What leaves the program for people: mail, messages, live updates. Events come from the outbox, so that nothing is
//! told that didn't happen.
//!
//! | module | what it holds |
//! |---|---|
//! | [`relay`] | outbox → live updates and letters to be sent; one thread |
//! | [`queue`], [`sender`] | letters to be sent: durable, with retries; one thread |
//! | [`mail`], [`letters`], [`wording`] | a letter's words in two languages, and its way out: SMTP, or files |
//! | [`webhooks`] | partners told of what happens; one thread |
//! | [`expiry`] | members told ahead of what expires; a nightly job |
//! | [`sms`] | text messages: an HTTP gateway, or files |
//! | [`preferences`] | what a member wants to be told, in which language |

pub mod expiry;
mod files;
pub mod letters;
pub mod mail;
pub mod preferences;
pub mod queue;
pub mod relay;
pub mod sender;
pub mod sms;
pub mod webhooks;
pub mod wording;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::app::App;
use crate::config::Settings;

/// The ways out, opened once.
pub struct Delivery {
    pub(crate) mail: mail::Mailer,
    pub(crate) sms: sms::Gateway,
    /// Partners' webhooks.
    pub webhooks: webhooks::Webhooks,
    events: Bell,
    letters: Bell,
}

/// A letter or message that didn't leave.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// A setting that can't be used.
    #[error("{name} can't be used: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An address nobody can write to.
    #[error("the address can't be written to")]
    Address,
    /// Refused for good by the receiving side.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// May go well another time.
    #[error("not delivered: {0}")]
    Later(&'static str),
    /// A letter that can't be put together.
    #[error("the letter can't be made: {0}")]
    Letter(String),
    /// A file.
    #[error("the folder for messages: {0}")]
    File(#[from] std::io::Error),
}

impl Delivery {
    /// Opens the ways out that the settings name.
    ///
    /// # Errors
    /// [`DeliveryError::Setting`]
    pub fn open(settings: &Settings) -> Result<Self, DeliveryError> {
        Ok(Self {
            mail: mail::Mailer::open(settings)?,
            sms: sms::Gateway::open(settings)?,
            webhooks: webhooks::Webhooks::open(settings)?,
            events: Bell::default(),
            letters: Bell::default(),
        })
    }

    /// Something was appended to the outbox: the relay need not wait for its next look.
    pub fn nudge(&self) {
        self.events.ring();
    }

    /// A letter was put into the queue: the sender need not wait for its next look.
    pub(crate) fn ring_letters(&self) {
        self.letters.ring();
    }
}

/// Starts the relay and the senders; they end with the program.
///
/// # Errors
/// When a thread can't be started.
pub fn start(app: &Arc<App>) -> std::io::Result<()> {
    let relayed = Arc::downgrade(app);
    std::thread::Builder::new().name("outbox-relay".into()).spawn(move || relay::run(&relayed))?;
    let sending = Arc::downgrade(app);
    std::thread::Builder::new().name("letters".into()).spawn(move || sender::run(&sending))?;
    let telling = Arc::downgrade(app);
    std::thread::Builder::new().name("webhooks".into()).spawn(move || webhooks::sender::run(&telling))?;
    Ok(())
}

/// Wakes a waiting thread; a ring while nobody waits is kept.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_one();
    }

    /// Waits for a ring, at most so long.
    fn wait(&self, longest: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) = self
            .heard
            .wait_timeout_while(rung, longest, |rung| !*rung)
            .unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }
}
