//! Partners told of what happens, by Standard Webhooks: signed messages to addresses of theirs.
//!
//! | module | what it holds |
//! |---|---|
//! | [`events`] | which events of the outbox partners can hear of, and what of them they are told |
//! | [`endpoints`] | a partner's addresses: made, listed, given new secrets, enabled again, removed |
//! | [`queue`] | messages to be sent: durable, tried on a schedule, parked after the last try, sent again when asked |
//! | [`signature`] | secrets, derived and never stored, and the signatures they make |
//! | [`address`] | which addresses may be called at all: the guard against requests into our own network |
//! | [`sender`] | the thread that sends |
//!
//! A message is put into the queue by the relay in the transaction that removes its event from the outbox: an event
//! that was committed becomes its messages once. A message may arrive more than once and out of order; its
//! `webhook-id` stays the same.

pub mod address;
pub mod endpoints;
pub mod events;
pub mod queue;
pub(super) mod sender;
pub mod signature;

use tokio::sync::Notify;

use address::Guard;

use super::DeliveryError;
use crate::config::Settings;

/// What sending webhooks needs, opened once.
pub struct Webhooks {
    /// Which addresses may be called.
    pub guard: Guard,
    client: reqwest::Client,
    /// Rung when there is something to send.
    bell: Notify,
}

impl Webhooks {
    pub(super) fn open(settings: &Settings) -> Result<Self, DeliveryError> {
        let guard = Guard::new(settings.webhooks_to_loopback);
        Ok(Self { client: sender::client(guard)?, guard, bell: Notify::new() })
    }

    /// There is something to send: the sender need not wait for its next look.
    pub fn ring(&self) {
        self.bell.notify_one();
    }
}
