//! Outbox → live updates, letters and webhooks to be sent.
//!
//! | phase | what it does | why there |
//! |---|---|---|
//! | claim | the oldest events nobody else relays | two processes share the work |
//! | letters, webhooks | into their queues, in the same transaction | each event becomes its letters and messages once |
//! | wallets | the passes of its member are marked, in the same transaction | each is looked at after what happened |
//! | settle, commit | the events are gone | |
//! | tell | open pages hear of it | after the commit; a page that misses it asks again by itself |

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cashback_engine::claims::ClaimId;
use diesel::Connection;
use diesel::pg::PgConnection;
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::money::Money;
use shared_kernel::outbox::{self, Recorded};

use super::queue;
use super::webhooks::events::Message;
use super::webhooks::queue as messages;
use crate::app::App;
use crate::telemetry::METRICS;
use crate::wallets::changes;

/// Events relayed in one transaction.
const CLAIMED_MAX: usize = 1_000;
/// How long events gather behind those just relayed: under load one transaction serves many batches.
const GATHER: Duration = Duration::from_millis(25);
/// How long an event of another process waits at most.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The pause while the database is away.
const AWAY: Duration = Duration::from_secs(1);

/// Relays until the program ends.
pub(super) fn run(app: &Weak<App>) {
    while let Some(app) = App::going(app) {
        match relay(&app) {
            Ok(relayed) if relayed >= CLAIMED_MAX => {}
            Ok(relayed) if relayed > 0 => std::thread::sleep(GATHER),
            Ok(_) => app.delivery.events.wait(LOOK_EVERY),
            Err(error) => {
                tracing::warn!(%error, "the outbox is not relayed");
                drop(app);
                std::thread::sleep(AWAY);
            }
        }
    }
}

/// Why a look at the outbox failed.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Pool(#[from] diesel::r2d2::PoolError),
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
}

/// Relays what is there, a bounded number of events; how many.
fn relay(app: &Arc<App>) -> Result<usize, RelayError> {
    let most = i64::try_from(CLAIMED_MAX).unwrap_or(i64::MAX);
    let mut connection = app.pool.get()?;
    let (events, told, marked, written) = connection.transaction(|connection| {
        let events = outbox::claim(connection, most)?;
        let (mut told, mut marked, mut written) = (false, 0, false);
        if !events.is_empty() {
            written = put_letters(app, connection, &events)?;
            let partners: Vec<Message> = events.iter().filter_map(Message::of).collect();
            told = messages::put(connection, &partners, app.now())?;
            marked = changes::mark(connection, &members(&events))?;
            let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
            outbox::settle(connection, &ids)?;
        }
        diesel::QueryResult::Ok((events, told, marked, written))
    })?;
    drop(connection);
    if written {
        app.delivery.letters.ring();
    }
    if told {
        app.delivery.webhooks.ring();
    }
    if marked > 0 {
        app.wallets.ring();
    }
    for event in &events {
        METRICS.events.with_label_values(&[&event.kind]).inc();
        if let Some(member) = event.member_id
            && (event.kind.starts_with("purchase.")
                || matches!(event.kind.as_str(), "balance.changed" | "claim.decided"))
        {
            app.live.publish(member, &operations(event));
        }
    }
    Ok(events.len())
}

/// The members that events are about, each once.
fn members(events: &[Recorded]) -> Vec<MemberId> {
    events.iter().filter_map(|event| event.member_id).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a member's open page is told.
fn operations(event: &Recorded) -> serde_json::Value {
    match event.payload.get("purchase_id") {
        Some(purchase) => serde_json::json!({ "purchase_id": purchase }),
        None => serde_json::json!({}),
    }
}

/// Puts letters of events into their queue; whether one is to go out now.
fn put_letters(app: &App, connection: &mut PgConnection, events: &[Recorded]) -> diesel::QueryResult<bool> {
    let cards: Vec<(MemberId, CardId)> = events.iter().filter_map(issued_card).collect();
    let cashback: Vec<_> = events
        .iter()
        .filter_map(|event| Some((event.member_id?, received(event)?, event.occurred_at)))
        .collect();
    let claims: Vec<(MemberId, ClaimId)> = events.iter().filter_map(decided_claim).collect();
    if !claims.is_empty() {
        queue::put_claims(connection, &claims, app.now())?;
    }
    if !cards.is_empty() {
        queue::put_cards(connection, &cards, app.now())?;
    }
    if !cashback.is_empty() {
        queue::add_cashback(connection, &cashback, (app.zone, app.now()))?;
    }
    Ok(!claims.is_empty() || !cards.is_empty())
}

/// The card of a `card.issued` event that its member is to hear of.
fn issued_card(event: &Recorded) -> Option<(MemberId, CardId)> {
    if event.kind != "card.issued" || event.payload.get("notify") == Some(&serde_json::Value::Bool(false)) {
        return None;
    }
    let card = event.payload.get("card_id")?.as_str()?.parse().ok()?;
    Some((event.member_id?, card))
}

/// The claim of a `claim.decided` event.
fn decided_claim(event: &Recorded) -> Option<(MemberId, ClaimId)> {
    if event.kind != "claim.decided" {
        return None;
    }
    let claim = event.payload.get("claim_id")?.as_str()?.parse().ok()?;
    Some((event.member_id?, claim))
}

/// The cashback an event tells of: a history's is no news, and what is held back is told once it is released.
fn received(event: &Recorded) -> Option<Money> {
    let history = event.payload.get("source").is_some_and(|source| source == "history");
    let held = event.payload.get("held") == Some(&serde_json::Value::Bool(true));
    let released = event.payload.get("check").is_some_and(|check| check == "released");
    let is_news = match event.kind.as_str() {
        "purchase.posted" => !history && !held,
        "purchase.checked" => released,
        _ => false,
    };
    if !is_news {
        return None;
    }
    let cashback: Money = event.payload.get("cashback")?.as_str()?.parse().ok()?;
    cashback.is_positive().then_some(cashback)
}
