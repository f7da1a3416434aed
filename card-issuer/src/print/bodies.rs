//! Printed bodies: cards that wait for one, those in a batch, handed out, spoiled.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};
use serde_json::json;
use shared_kernel::ids::{CardId, MemberId, OrganisationId};
use shared_kernel::outbox::{self, Event};

use super::batches::{closed, lock};
use super::trace::PrintEventKind;
use super::{Batch, BatchId, BatchStatus, Item, ItemState};
use crate::life::{self, CardStatus, Entry, Happening};
use crate::schema::cards::print_items;
use crate::{CardError, day_of};

/// A plastic card that waits to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Waiting {
    /// The card.
    #[diesel(sql_type = Uuid)]
    pub card: CardId,
    /// Its holder.
    #[diesel(sql_type = Uuid)]
    pub member: MemberId,
}

/// Living plastic without a body in a batch or in its holder's hands.
const IS_WAITING: &str = "card.kind = 'plastic' AND card.status IN ('ordered', 'issued') AND NOT EXISTS
    (SELECT FROM cards.print_items AS item WHERE item.card_id = card.id AND item.state <> 'spoiled')";

/// Cards that wait to be printed in order of id, those after `after`.
///
/// # Errors
/// The database's.
pub fn waiting(
    connection: &mut PgConnection,
    after: Option<CardId>,
    limit: i64,
) -> QueryResult<Vec<Waiting>> {
    diesel::sql_query(format!(
        "SELECT card.id AS card, card.member_id AS member FROM cards.cards AS card
         WHERE {IS_WAITING} AND ($1 IS NULL OR card.id > $1) ORDER BY card.id LIMIT $2"
    ))
    .bind::<Nullable<Uuid>, _>(after)
    .bind::<BigInt, _>(limit)
    .load(connection)
}

/// Which cards of these members wait to be printed.
///
/// # Errors
/// The database's.
pub fn waiting_of(connection: &mut PgConnection, members: &[MemberId]) -> QueryResult<Vec<Waiting>> {
    diesel::sql_query(format!(
        "SELECT card.id AS card, card.member_id AS member FROM cards.cards AS card
         WHERE card.member_id = ANY($1) AND {IS_WAITING} ORDER BY card.id"
    ))
    .bind::<Array<Uuid>, _>(members)
    .load(connection)
}

/// Locks those of the cards that still wait and that nobody else is claiming at this moment.
///
/// # Errors
/// The database's.
pub fn lock_waiting(connection: &mut PgConnection, cards: &[CardId]) -> QueryResult<Vec<CardId>> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = Uuid)]
        id: CardId,
    }
    let rows: Vec<Locked> = diesel::sql_query(format!(
        "SELECT card.id FROM cards.cards AS card WHERE card.id = ANY($1) AND {IS_WAITING}
         ORDER BY card.id FOR NO KEY UPDATE OF card SKIP LOCKED"
    ))
    .bind::<Array<Uuid>, _>(cards)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// A batch's bodies in order of place, those after `after`; of some organisations when told which.
///
/// # Errors
/// The database's.
pub fn items(
    connection: &mut PgConnection,
    (batch, organisations): (BatchId, Option<&[OrganisationId]>),
    after: i32,
    limit: i64,
) -> QueryResult<Vec<Item>> {
    let mut query = print_items::table
        .filter(print_items::batch_id.eq(batch))
        .filter(print_items::place.gt(after))
        .select(Item::as_select())
        .into_boxed();
    if let Some(own) = organisations {
        query = query.filter(print_items::organisation_id.eq_any(own));
    }
    query.order(print_items::place).limit(limit).load(connection)
}

/// How many of the cards are in a batch and of these organisations.
///
/// # Errors
/// The database's.
pub fn of_organisations(
    connection: &mut PgConnection,
    batch: BatchId,
    cards: &[CardId],
    organisations: &[OrganisationId],
) -> QueryResult<usize> {
    let count: i64 = print_items::table
        .filter(print_items::batch_id.eq(batch))
        .filter(print_items::card_id.eq_any(cards))
        .filter(print_items::organisation_id.eq_any(organisations))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// How many bodies of a batch are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not handed out yet.
    pub in_print: i64,
    /// In their holders' hands.
    pub handed_out: i64,
    /// Unusable.
    pub spoiled: i64,
}

/// The states of batches' bodies.
///
/// # Errors
/// The database's.
pub fn counts(
    connection: &mut PgConnection,
    batches: &[BatchId],
) -> QueryResult<std::collections::HashMap<BatchId, Counts>> {
    let rows: Vec<(BatchId, ItemState, i64)> = print_items::table
        .filter(print_items::batch_id.eq_any(batches))
        .group_by((print_items::batch_id, print_items::state))
        .select((print_items::batch_id, print_items::state, diesel::dsl::count_star()))
        .load(connection)?;
    let mut counts = std::collections::HashMap::<BatchId, Counts>::new();
    for (batch, state, count) in rows {
        let of_batch = counts.entry(batch).or_default();
        match state {
            ItemState::InPrint => of_batch.in_print = count,
            ItemState::HandedOut => of_batch.handed_out = count,
            ItemState::Spoiled => of_batch.spoiled = count,
        }
    }
    Ok(counts)
}

/// Gives printed cards to their holders: each becomes active. All or none. Appends `card.activated`.
///
/// # Errors
/// [`CardError::BatchUnknown`]; [`CardError::BatchState`] before the batch was received; [`CardError::NotInPrint`] for
/// cards that aren't waiting in this batch, or that were blocked or ran out meanwhile.
pub fn hand_out(
    connection: &mut PgConnection,
    id: BatchId,
    cards: &[CardId],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Batch, CardError> {
    connection.transaction(|connection| {
        let batch = lock(connection, id)?;
        if batch.status != BatchStatus::Received {
            return Err(CardError::BatchState(batch.status));
        }
        settle(connection, id, cards, (ItemState::HandedOut, PrintEventKind::HandedOut), (by, None, now))?;
        let holders = activate(connection, cards, now)?;
        if let Some(other) = cards.iter().find(|card| !holders.iter().any(|(id, _)| id == *card)) {
            return Err(CardError::NotInPrint(*other));
        }
        let entries: Vec<Entry> =
            holders.iter().map(|(card, _)| Entry::new(*card, Happening::Activated, Some(by), now)).collect();
        life::write_down(connection, &entries)?;
        let events: Vec<Event> = holders
            .into_iter()
            .map(|(card, member)| Event {
                kind: "card.activated".to_owned(),
                member_id: Some(member),
                payload: json!({ "card_id": card }),
                occurred_at: now,
            })
            .collect();
        outbox::append(connection, &events)?;
        closed(connection, batch)
    })
}

/// Issued cards in their holders' hands.
fn activate(
    connection: &mut PgConnection,
    cards: &[CardId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<(CardId, MemberId)>> {
    use crate::schema::cards::cards as table;
    diesel::update(
        table::table
            .filter(table::id.eq_any(cards))
            .filter(table::status.eq(CardStatus::Issued))
            .filter(table::expires_on.ge(day_of(now))),
    )
    .set(table::status.eq(CardStatus::Active))
    .returning((table::id, table::member_id))
    .get_results(connection)
}

/// Takes unusable bodies out: their cards wait to be printed again, their numbers unchanged. All or none.
///
/// # Errors
/// [`CardError::BatchUnknown`]; [`CardError::NotInPrint`] for cards that aren't waiting in this batch.
pub fn spoil(
    connection: &mut PgConnection,
    id: BatchId,
    cards: &[CardId],
    (by, note): (&str, &str),
    now: DateTime<Utc>,
) -> Result<Batch, CardError> {
    connection.transaction(|connection| {
        let batch = lock(connection, id)?;
        let spoiled = (ItemState::Spoiled, PrintEventKind::Spoiled);
        settle(connection, id, cards, spoiled, (by, Some(note), now))?;
        closed(connection, batch)
    })
}

/// Moves bodies out of print and writes it down for each.
fn settle(
    connection: &mut PgConnection,
    id: BatchId,
    cards: &[CardId],
    (state, event): (ItemState, PrintEventKind),
    (by, note, now): (&str, Option<&str>, DateTime<Utc>),
) -> Result<(), CardError> {
    let settled: Vec<CardId> = diesel::update(
        print_items::table
            .filter(print_items::batch_id.eq(id))
            .filter(print_items::card_id.eq_any(cards))
            .filter(print_items::state.eq(ItemState::InPrint)),
    )
    .set(print_items::state.eq(state))
    .returning(print_items::card_id)
    .get_results(connection)?;
    if let Some(other) = cards.iter().find(|card| !settled.contains(card)) {
        return Err(CardError::NotInPrint(*other));
    }
    diesel::sql_query(
        "INSERT INTO cards.print_events (batch_id, card_id, event, at, by_whom, note)
         SELECT $1, card_id, $3, $4, $5, $6 FROM unnest($2) AS settled (card_id)",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Uuid>, _>(&settled)
    .bind::<Text, _>(event)
    .bind::<Timestamptz, _>(now)
    .bind::<Text, _>(by)
    .bind::<Nullable<Text>, _>(note)
    .execute(connection)?;
    Ok(())
}
