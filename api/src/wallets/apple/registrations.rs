//! The devices that hold a pass and want to hear of its changes. One phone registers under many identifiers in its life:
//! each pass keeps the devices seen last, and who hasn't been seen for a year is forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::CardId;
use shared_kernel::schema::platform::{apple_registrations as registrations, wallet_passes as passes};

use crate::wallets::Provider;

/// Devices a pass has at most; one more takes the place of the one not seen for longest.
pub const OF_PASS_MAX: i64 = 16;
/// Passes a device has at most.
pub const OF_DEVICE_MAX: i64 = 32;
/// Who hasn't been seen for so long is forgotten.
const KEPT: TimeDelta = TimeDelta::days(400);
/// A pass that was fetched and never registered is forgotten: nobody could be told of its changes.
const UNREGISTERED_KEPT: TimeDelta = TimeDelta::days(30);
/// How exactly it is known when a device was seen: seldom written, since devices ask often.
const SEEN_EVERY: TimeDelta = TimeDelta::days(1);

/// A device registers for a pass, or again with another push token; whether it is new.
///
/// # Errors
/// The database's.
pub fn register(
    connection: &mut PgConnection,
    device: &str,
    card: CardId,
    push_token: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let known = diesel::update(registrations::table.find((device, card)))
        .set((registrations::push_token.eq(push_token), registrations::seen_at.eq(now)))
        .execute(connection)?;
    if known > 0 {
        return Ok(false);
    }
    make_room(connection, device, card)?;
    let made = diesel::insert_into(registrations::table)
        .values((
            registrations::device.eq(device),
            registrations::card_id.eq(card),
            registrations::push_token.eq(push_token),
            registrations::created_at.eq(now),
            registrations::seen_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(made > 0)
}

/// Removes those not seen for longest, so that one more fits.
fn make_room(connection: &mut PgConnection, device: &str, card: CardId) -> QueryResult<()> {
    let of_pass: Vec<(String, CardId)> = registrations::table
        .filter(registrations::card_id.eq(card))
        .order((registrations::seen_at.desc(), registrations::device))
        .offset(OF_PASS_MAX - 1)
        .select((registrations::device, registrations::card_id))
        .load(connection)?;
    let of_device: Vec<(String, CardId)> = registrations::table
        .filter(registrations::device.eq(device))
        .order((registrations::seen_at.desc(), registrations::card_id))
        .offset(OF_DEVICE_MAX - 1)
        .select((registrations::device, registrations::card_id))
        .load(connection)?;
    for (device, card) in of_pass.into_iter().chain(of_device) {
        diesel::delete(registrations::table.find((device, card))).execute(connection)?;
    }
    Ok(())
}

/// A device holds a pass no more.
///
/// # Errors
/// The database's.
pub fn unregister(connection: &mut PgConnection, device: &str, card: CardId) -> QueryResult<()> {
    diesel::delete(registrations::table.find((device, card))).execute(connection)?;
    Ok(())
}

/// The push service doesn't know the token of this registration any more: it and all others with that token are removed.
///
/// # Errors
/// The database's.
pub fn gone(connection: &mut PgConnection, device: &str, card: CardId) -> QueryResult<()> {
    if let Some(token) = push_token(connection, device, card)? {
        diesel::delete(registrations::table.filter(registrations::push_token.eq(token)))
            .execute(connection)?;
    }
    Ok(())
}

/// Where a device's pushes go, while it is registered.
///
/// # Errors
/// The database's.
pub fn push_token(connection: &mut PgConnection, device: &str, card: CardId) -> QueryResult<Option<String>> {
    registrations::table.find((device, card)).select(registrations::push_token).first(connection).optional()
}

/// A device's passes that changed after a tag, with the tag to ask from next; `None` where none did.
///
/// # Errors
/// The database's.
pub fn changed_since(
    connection: &mut PgConnection,
    device: &str,
    tag: i64,
    now: DateTime<Utc>,
) -> QueryResult<Option<(Vec<CardId>, i64)>> {
    diesel::update(
        registrations::table
            .filter(registrations::device.eq(device))
            .filter(registrations::seen_at.lt(now - SEEN_EVERY)),
    )
    .set(registrations::seen_at.eq(now))
    .execute(connection)?;
    let changed: Vec<(CardId, i64)> = registrations::table
        .inner_join(
            passes::table
                .on(passes::card_id.eq(registrations::card_id).and(passes::provider.eq(Provider::Apple))),
        )
        .filter(registrations::device.eq(device).and(passes::tag.gt(tag)))
        .order(passes::tag)
        .select((passes::card_id, passes::tag))
        .load(connection)?;
    let last = changed.last().map(|(_, tag)| *tag);
    Ok(last.map(|last| (changed.into_iter().map(|(card, _)| card).collect(), last)))
}

/// Forgets devices that were not seen for long, and passes that no device ever registered for; how many.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, at: DateTime<Utc>) -> QueryResult<usize> {
    let devices = diesel::delete(registrations::table.filter(registrations::seen_at.lt(at - KEPT)))
        .execute(connection)?;
    let registered = registrations::table.select(registrations::card_id);
    let passes = diesel::delete(
        passes::table
            .filter(passes::provider.eq(Provider::Apple))
            .filter(passes::created_at.lt(at - UNREGISTERED_KEPT))
            .filter(passes::card_id.ne_all(registered)),
    )
    .execute(connection)?;
    Ok(devices + passes)
}
