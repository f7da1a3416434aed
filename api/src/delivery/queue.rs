//! Letters to be sent: put there with the event that causes them, taken by one sender at a time, removed once out.
//!
//! Taking a letter moves its time ahead instead of holding a lock, so that a sender that dies gives it back, and no
//! transaction waits for a mail server. A letter is therefore sent at least once.

use std::collections::BTreeMap;

use cashback_engine::PartnerId;
use cashback_engine::claims::ClaimId;
use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::money::Money;
use shared_kernel::schema::platform::{deliveries, staff};
use uuid::Uuid;

use crate::auth::Role;

/// Letters taken at a time.
const TAKEN_MAX: i64 = 32;
/// How long a taken letter is its sender's.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// The pauses after each failure; after the last one a letter is given up.
const PAUSES: &[TimeDelta] = &[
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
    TimeDelta::hours(1),
    TimeDelta::hours(4),
    TimeDelta::hours(12),
    TimeDelta::hours(24),
];
/// The programme's hour at which the day's cashback is told.
const DIGEST_HOUR: u32 = 20;

shared_kernel::text_enum!(
    /// What a letter tells.
    Kind {
        /// A card was issued.
        CardIssued => "card_issued",
        /// The day's cashback.
        CashbackDigest => "cashback_digest",
        /// What became of a claim.
        ClaimDecided => "claim_decided",
        /// Points will expire.
        ExpiryNotice => "expiry_notice",
        /// Nothing is sent to a partner's webhook any more.
        WebhookDisabled => "webhook_disabled",
        /// Another address or phone to sign in with, told at the old one.
        ContactChanged => "contact_changed",
    }
);

/// A letter taken for sending.
#[derive(Debug, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = deliveries)]
pub struct Taken {
    /// Its place in the queue.
    pub id: i64,
    /// What it tells.
    pub letter: Kind,
    /// Whom: a member
    pub member_id: Option<MemberId>,
    /// or a login of staff.
    pub staff_id: Option<Uuid>,
    /// [`IssuedCard`], [`Digest`], [`Expiring`], [`DisabledWebhook`] or [`FormerContacts`].
    pub payload: serde_json::Value,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

/// What a card's letter needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct IssuedCard {
    /// The card.
    pub card_id: CardId,
}

/// What a claim's letter needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct DecidedClaim {
    /// The claim.
    pub claim_id: ClaimId,
}

/// What a day brought a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Purchases with cashback.
    pub purchases: i64,
    /// Kopecks of cashback.
    pub kopecks: i64,
}

/// What a member will lose unless it is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// Kopecks and the last day they can be spent, soonest first.
    pub days: Vec<(NaiveDate, i64)>,
}

/// What the letter about a disabled webhook needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct DisabledWebhook {
    /// The endpoint.
    pub webhook_id: Uuid,
}

/// Where a member could be reached before, sealed and in base64: the letter goes there, and the record knows it no more.
#[derive(Debug, Serialize, Deserialize)]
pub struct FormerContacts {
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone.
    pub phone: Option<String>,
}

/// Puts letters about changed contacts into the queue, due now.
///
/// # Errors
/// The database's.
pub fn put_contact_changed(
    connection: &mut PgConnection,
    changed: &[(MemberId, FormerContacts)],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let rows: Vec<_> = changed
        .iter()
        .map(|(member, former)| {
            (
                deliveries::letter.eq(Kind::ContactChanged),
                deliveries::member_id.eq(*member),
                deliveries::payload.eq(serde_json::json!(former)),
                deliveries::due_at.eq(now),
                deliveries::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(deliveries::table).values(rows).execute(connection)?;
    Ok(())
}

/// Puts letters about expiring points into the queue, due now.
///
/// # Errors
/// The database's.
pub fn put_expiring(
    connection: &mut PgConnection,
    told: &BTreeMap<MemberId, Expiring>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let rows: Vec<_> = told
        .iter()
        .map(|(member, expiring)| {
            (
                deliveries::letter.eq(Kind::ExpiryNotice),
                deliveries::member_id.eq(*member),
                deliveries::payload.eq(serde_json::json!(expiring)),
                deliveries::due_at.eq(now),
                deliveries::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(deliveries::table).values(rows).execute(connection)?;
    Ok(())
}

/// Puts a letter to each manager of a partner into the queue: nothing is sent to this webhook any more.
///
/// # Errors
/// The database's.
pub fn put_webhook_disabled(
    connection: &mut PgConnection,
    partner: PartnerId,
    webhook: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let managers: Vec<Uuid> = staff::table
        .filter(staff::partner_id.eq(partner).and(staff::role.eq(Role::Manager)))
        .filter(staff::disabled_at.is_null())
        .select(staff::id)
        .load(connection)?;
    let rows: Vec<_> = managers
        .into_iter()
        .map(|manager| {
            (
                deliveries::letter.eq(Kind::WebhookDisabled),
                deliveries::staff_id.eq(manager),
                deliveries::payload.eq(serde_json::json!(DisabledWebhook { webhook_id: webhook })),
                deliveries::due_at.eq(now),
                deliveries::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(deliveries::table).values(rows).execute(connection)?;
    Ok(())
}

/// Puts letters about issued cards into the queue, due now.
///
/// # Errors
/// The database's.
pub fn put_cards(
    connection: &mut PgConnection,
    cards: &[(MemberId, CardId)],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(member, card)| {
            (
                deliveries::letter.eq(Kind::CardIssued),
                deliveries::member_id.eq(*member),
                deliveries::payload.eq(serde_json::json!(IssuedCard { card_id: *card })),
                deliveries::due_at.eq(now),
                deliveries::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(deliveries::table).values(rows).execute(connection)?;
    Ok(())
}

/// Puts letters about claims that ended into the queue, due now.
///
/// # Errors
/// The database's.
pub fn put_claims(
    connection: &mut PgConnection,
    claims: &[(MemberId, ClaimId)],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let rows: Vec<_> = claims
        .iter()
        .map(|(member, claim)| {
            (
                deliveries::letter.eq(Kind::ClaimDecided),
                deliveries::member_id.eq(*member),
                deliveries::payload.eq(serde_json::json!(DecidedClaim { claim_id: *claim })),
                deliveries::due_at.eq(now),
                deliveries::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(deliveries::table).values(rows).execute(connection)?;
    Ok(())
}

/// Adds cashback to the letters of its days: each member's, with when it happened.
///
/// # Errors
/// The database's.
pub fn add_cashback(
    connection: &mut PgConnection,
    received: &[(MemberId, Money, DateTime<Utc>)],
    (zone, now): (Tz, DateTime<Utc>),
) -> QueryResult<()> {
    // In the order of keys, so that two relays wait for each other instead of deadlocking.
    let mut days: BTreeMap<String, (MemberId, DateTime<Utc>, Digest)> = BTreeMap::new();
    for (member, cashback, at) in received {
        let due = digest_due(zone, *at);
        let key = format!("digest:{member}:{}", due.timestamp());
        let day = days.entry(key).or_insert((*member, due, Digest { purchases: 0, kopecks: 0 }));
        day.2.purchases += 1;
        day.2.kopecks = day.2.kopecks.saturating_add(cashback.kopecks());
    }
    let (keys, rest): (Vec<_>, Vec<_>) = days.into_iter().unzip();
    diesel::sql_query(include_str!("add_cashback.sql"))
        .bind::<Array<Text>, _>(keys)
        .bind::<Array<SqlUuid>, _>(rest.iter().map(|(member, ..)| *member).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(rest.iter().map(|(_, due, _)| *due).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(
            rest.iter().map(|(.., digest)| serde_json::json!(digest)).collect::<Vec<_>>(),
        )
        .bind::<Timestamptz, _>(now)
        .execute(connection)?;
    Ok(())
}

/// When the cashback of a moment is told: at the next evening hour of the programme.
fn digest_due(zone: Tz, at: DateTime<Utc>) -> DateTime<Utc> {
    let local = at.with_timezone(&zone);
    let evening = |date: chrono::NaiveDate| {
        date.and_hms_opt(DIGEST_HOUR, 0, 0)
            .and_then(|time| zone.from_local_datetime(&time).earliest())
            .map(|time| time.with_timezone(&Utc))
    };
    let today = local.date_naive();
    [Some(today), today.succ_opt()]
        .into_iter()
        .flatten()
        .filter_map(evening)
        .find(|due| *due > at)
        .unwrap_or(at)
}

/// Takes letters that are due.
///
/// # Errors
/// The database's.
pub fn take(connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<Vec<Taken>> {
    diesel::sql_query(include_str!("take.sql"))
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now + LEASE)
        .bind::<BigInt, _>(TAKEN_MAX)
        .load(connection)
}

/// Removes a letter that is out, or that nobody is to get.
///
/// # Errors
/// The database's.
pub fn done(connection: &mut PgConnection, letter: &Taken) -> QueryResult<()> {
    diesel::delete(deliveries::table.find(letter.id)).execute(connection)?;
    Ok(())
}

/// Puts a letter back for another time, or gives it up: refused for good, or tried often enough.
///
/// # Errors
/// The database's.
pub fn failed(
    connection: &mut PgConnection,
    letter: &Taken,
    (failure, for_good): (&str, bool),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let pause = if for_good { None } else { pause_after(letter.attempts) };
    diesel::update(deliveries::table.find(letter.id))
        .set((
            deliveries::failure.eq(failure),
            deliveries::due_at.eq(now + pause.unwrap_or_default()),
            deliveries::failed_at.eq(if pause.is_none() { Some(now) } else { None }),
        ))
        .execute(connection)?;
    Ok(())
}

/// The pause after so many failures; `None` after the last.
pub(crate) fn pause_after(attempts: i32) -> Option<TimeDelta> {
    let tried = usize::try_from(attempts).unwrap_or(usize::MAX);
    PAUSES.get(tried.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(at: &str) -> String {
        digest_due(chrono_tz::Europe::Moscow, at.parse().unwrap()).to_rfc3339()
    }

    #[test]
    fn a_day_is_told_at_the_next_evening_in_moscow() {
        assert_eq!(due("2026-11-21T10:00:00Z"), "2026-11-21T17:00:00+00:00");
        assert_eq!(due("2026-11-21T16:59:59Z"), "2026-11-21T17:00:00+00:00");
        assert_eq!(due("2026-11-21T17:00:00Z"), "2026-11-22T17:00:00+00:00");
        assert_eq!(due("2026-11-21T22:30:00Z"), "2026-11-22T17:00:00+00:00");
    }
}
