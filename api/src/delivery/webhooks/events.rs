//! Which events of the outbox partners can hear of, and what of them they are told: identifiers, days and amounts that
//! the partner may read over the API as well, and nothing about a member.

use cashback_engine::PartnerId;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use shared_kernel::outbox::Recorded;

shared_kernel::text_enum!(
    /// An event a partner can subscribe to, by its name in the outbox and on the wire.
    EventKind {
        /// A purchase was posted, or what was authorised was captured.
        PurchasePosted => "purchase.posted",
        /// Part or all of a purchase came back.
        PurchaseRefunded => "purchase.refunded",
        /// A member claims a purchase that never arrived.
        ClaimToDecide => "claim.to_decide",
        /// A period's statement can be fetched.
        StatementReady => "statement.ready",
    }
);

/// The event of a message that a partner asked for to try an endpoint.
pub const TEST: &str = "webhook.test";

impl EventKind {
    /// What of an event's payload goes into its message; what isn't listed stays here.
    fn told(self) -> &'static [&'static str] {
        match self {
            Self::PurchasePosted => {
                &["purchase_id", "outlet", "receipt", "amount", "redeemed", "paid", "cashback", "commission"]
            }
            Self::PurchaseRefunded => {
                &["purchase_id", "outlet", "receipt", "reference", "amount", "refunded"]
            }
            Self::ClaimToDecide => &["claim_id", "outlet", "amount", "occurred_at"],
            Self::StatementReady => &["statement_id", "period"],
        }
    }
}

/// A message to one partner, not yet to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose endpoints get it.
    pub partner: PartnerId,
    /// What happened.
    pub event: EventKind,
    /// What is signed and sent.
    pub body: String,
}

impl Message {
    /// The message an event is; none when it is no partner's, or what a history brought: that is no news.
    pub fn of(event: &Recorded) -> Option<Self> {
        let kind: EventKind = event.kind.parse().ok()?;
        let partner = event.payload.get("partner_id")?.as_str()?.parse().ok()?;
        if event.payload.get("source").is_some_and(|source| source == "history") {
            return None;
        }
        let told = kind.told().iter().filter_map(|name| {
            Some(((*name).to_owned(), event.payload.get(*name).filter(|value| !value.is_null())?.clone()))
        });
        let data: Map<String, Value> = told.collect();
        Some(Self { partner, event: kind, body: body(kind.as_str(), event.occurred_at, data.into()) })
    }
}

/// A message's body, as Standard Webhooks proposes it.
pub fn body(event: &str, at: chrono::DateTime<chrono::Utc>, data: Value) -> String {
    let timestamp = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    json!({ "type": event, "timestamp": timestamp, "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(kind: &str, payload: Value) -> Recorded {
        Recorded {
            id: 1,
            kind: kind.to_owned(),
            member_id: None,
            payload,
            occurred_at: "2026-11-22T02:03:04Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_message_tells_what_is_listed_and_nothing_else() {
        let partner = PartnerId::generate();
        let payload = json!({
            "purchase_id": "p", "partner_id": partner, "outlet": "market-1", "receipt": "R-1", "amount": "10.00",
            "member_id": "secret", "name": "secret", "reference": "B-1", "refunded": "10.00",
        });
        let message = Message::of(&recorded("purchase.refunded", payload)).unwrap();
        assert_eq!(message.partner, partner);
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "purchase.refunded",
                "timestamp": "2026-11-22T02:03:04Z",
                "data": {
                    "purchase_id": "p", "outlet": "market-1", "receipt": "R-1", "amount": "10.00",
                    "reference": "B-1", "refunded": "10.00",
                },
            })
        );
    }

    #[test]
    fn others_events_and_histories_are_no_messages() {
        let partner = PartnerId::generate();
        assert_eq!(Message::of(&recorded("card.issued", json!({ "partner_id": partner }))), None);
        assert_eq!(Message::of(&recorded("purchase.posted", json!({ "amount": "1.00" }))), None);
        let history = json!({ "partner_id": partner, "source": "history" });
        assert_eq!(Message::of(&recorded("purchase.posted", history)), None);
    }
}
