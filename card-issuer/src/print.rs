//! Plastic on its way: claimed into a batch, made, sent, received, handed out; spoiled bodies go back to waiting under
//! the same number. Who did what to each card, and when, is kept for good.
//!
//! ```text
//! batch:  made ──► sent ──► received ──► handed_out (when no card of it is left)
//!           └────────────────►┘ printed in the own office
//! card:   ordered ──claimed──► issued ──handed out──► active
//!            a spoiled body: the card waits again as it is, its number unchanged
//! ```

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};
use serde_json::json;
use shared_kernel::ids::{CardId, MemberId, OrganisationId};
use shared_kernel::outbox::{self, Event};
use shared_kernel::paging::{Limit, Page};
use shared_kernel::text_enum;

use crate::designs::DesignId;
use crate::life::{self, CardStatus, Entry, Happening};
use crate::schema::cards::{print_batches, print_events, print_items};
use crate::{CardError, day_of};

shared_kernel::id_type!(
    /// A print batch.
    BatchId
);

/// Cards a batch may have, so that its files and transactions stay bounded.
pub const BATCH_CARDS_MAX: usize = 50_000;
/// Cards a call may hand out or spoil.
pub const CARDS_MAX: usize = 1_000;

text_enum!(
    /// Where a batch stands.
    BatchStatus {
        /// Its files can be fetched.
        Made => "made",
        /// At the plant.
        Sent => "sent",
        /// Back, to be handed out.
        Received => "received",
        /// Every card of it is in its holder's hands, or spoiled.
        HandedOut => "handed_out",
    }
);

impl BatchStatus {
    /// What a batch that is `self` may become.
    pub fn may_become(self, to: Self) -> bool {
        use BatchStatus::{HandedOut, Made, Received, Sent};
        match (self, to) {
            // An office with a printer of its own sends nothing away.
            (Made, Sent | Received) | (Sent, Received) | (Received, HandedOut) => true,
            (Made | Sent | Received | HandedOut, _) => false,
        }
    }
}

text_enum!(
    /// Where a printed body stands.
    ItemState {
        /// In a batch, not in its holder's hands.
        InPrint => "in_print",
        /// In its holder's hands.
        HandedOut => "handed_out",
        /// Unusable; its card is printed again.
        Spoiled => "spoiled",
    }
);

text_enum!(
    /// Who made a batch's files.
    Origin {
        /// The office's page.
        Office => "office",
        /// The command line.
        Command => "command",
    }
);

text_enum!(
    /// What happened to a batch or one card of it.
    PrintEventKind {
        /// Claimed and drawn.
        Made => "made",
        /// Gone to the plant.
        Sent => "sent",
        /// Come back.
        Received => "received",
        /// Given to its holder.
        HandedOut => "handed_out",
        /// Found unusable.
        Spoiled => "spoiled",
    }
);

/// Cards printed together.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = print_batches)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// What people call it.
    pub number: i64,
    /// Whose subtree's cards it has.
    pub organisation_id: OrganisationId,
    /// Who makes its files.
    pub origin: Origin,
    /// Where it stands.
    pub status: BatchStatus,
    /// How many cards.
    pub cards: i32,
    /// When it was claimed.
    pub made_at: DateTime<Utc>,
    /// By whom.
    pub made_by: String,
    /// When its files were complete for the first time.
    pub files_at: Option<DateTime<Utc>>,
}

/// A printed body.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = print_items)]
pub struct Item {
    /// Its batch.
    pub batch_id: BatchId,
    /// Its place in the files, from 1.
    pub place: i32,
    /// Its card.
    pub card_id: CardId,
    /// Where the holder belonged when it was printed.
    pub organisation_id: OrganisationId,
    /// How it looks; `None` is the program's own design.
    pub design_id: Option<DesignId>,
    /// Where it stands.
    pub state: ItemState,
}

/// What happened to a batch, or one card of it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = print_events)]
pub struct PrintEvent {
    /// The batch.
    pub batch_id: BatchId,
    /// The card; `None` is the whole batch.
    pub card_id: Option<CardId>,
    /// What.
    pub event: PrintEventKind,
    /// When.
    pub at: DateTime<Utc>,
    /// A login's key.
    pub by_whom: String,
    /// What was written about it.
    pub note: Option<String>,
}

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

/// A card to be put into a batch.
#[derive(Debug, Clone, Copy)]
pub struct NewItem {
    /// The card, locked by [`lock_waiting`].
    pub card: CardId,
    /// Where the holder belongs.
    pub organisation: OrganisationId,
    /// How it looks; `None` is the program's own design.
    pub design: Option<DesignId>,
}

/// Makes a batch of locked cards, in the order of their places; `None` when there are none. Cards that were ordered are
/// issued from now on.
///
/// # Errors
/// The database's.
pub fn make(
    connection: &mut PgConnection,
    (organisation, origin): (OrganisationId, Origin),
    items: &[NewItem],
    by: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<Batch>> {
    debug_assert!(items.len() <= BATCH_CARDS_MAX, "the caller claims no more");
    connection.transaction(|connection| {
        if items.is_empty() {
            return Ok(None);
        }
        let id = BatchId::generate();
        let count = i32::try_from(items.len()).expect("a batch is bounded");
        diesel::insert_into(print_batches::table)
            .values((
                print_batches::id.eq(id),
                print_batches::organisation_id.eq(organisation),
                print_batches::origin.eq(origin),
                print_batches::status.eq(BatchStatus::Made),
                print_batches::cards.eq(count),
                print_batches::made_at.eq(now),
                print_batches::made_by.eq(by),
            ))
            .execute(connection)?;
        let claimed = insert_items(connection, id, items)?;
        if claimed == 0 {
            // Somebody else's batch had them a moment before.
            diesel::delete(print_batches::table.find(id)).execute(connection)?;
            return Ok(None);
        }
        diesel::update(print_batches::table.find(id))
            .set(print_batches::cards.eq(i32::try_from(claimed).expect("a batch is bounded")))
            .execute(connection)?;
        issue(connection, id, by, now)?;
        write_event(connection, (id, None), PrintEventKind::Made, (by, None), now)?;
        print_batches::table.find(id).select(Batch::as_select()).first(connection).map(Some)
    })
}

fn insert_items(connection: &mut PgConnection, batch: BatchId, items: &[NewItem]) -> QueryResult<usize> {
    let cards: Vec<CardId> = items.iter().map(|item| item.card).collect();
    let organisations: Vec<OrganisationId> = items.iter().map(|item| item.organisation).collect();
    let designs: Vec<Option<DesignId>> = items.iter().map(|item| item.design).collect();
    diesel::sql_query(
        "INSERT INTO cards.print_items (batch_id, place, card_id, organisation_id, design_id, state)
         SELECT $1, place::integer, card_id, organisation_id, design_id, 'in_print'
         FROM unnest($2, $3, $4) WITH ORDINALITY AS new (card_id, organisation_id, design_id, place)
         ON CONFLICT (card_id) WHERE state <> 'spoiled' DO NOTHING",
    )
    .bind::<Uuid, _>(batch)
    .bind::<Array<Uuid>, _>(&cards)
    .bind::<Array<Uuid>, _>(&organisations)
    .bind::<Array<Nullable<Uuid>>, _>(&designs)
    .execute(connection)
}

/// The batch's ordered cards become issued.
fn issue(connection: &mut PgConnection, batch: BatchId, by: &str, now: DateTime<Utc>) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Issued {
        #[diesel(sql_type = Uuid)]
        id: CardId,
    }
    let issued: Vec<Issued> = diesel::sql_query(
        "UPDATE cards.cards AS card SET status = 'issued', issued_at = $2
         FROM cards.print_items AS item
         WHERE item.batch_id = $1 AND item.card_id = card.id AND card.status = 'ordered'
         RETURNING card.id",
    )
    .bind::<Uuid, _>(batch)
    .bind::<Timestamptz, _>(now)
    .load(connection)?;
    let entries: Vec<Entry> =
        issued.into_iter().map(|card| Entry::new(card.id, Happening::Issued, Some(by), now)).collect();
    life::write_down(connection, &entries)
}

fn write_event(
    connection: &mut PgConnection,
    (batch, card): (BatchId, Option<CardId>),
    event: PrintEventKind,
    (by, note): (&str, Option<&str>),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(print_events::table)
        .values((
            print_events::batch_id.eq(batch),
            print_events::card_id.eq(card),
            print_events::event.eq(event),
            print_events::at.eq(now),
            print_events::by_whom.eq(by),
            print_events::note.eq(note),
        ))
        .execute(connection)?;
    Ok(())
}

/// A batch by its id.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, id: BatchId) -> QueryResult<Option<Batch>> {
    print_batches::table.find(id).select(Batch::as_select()).first(connection).optional()
}

/// Batches of the command line whose files were never complete, the oldest first: a killed run goes on with them.
///
/// # Errors
/// The database's.
pub fn unfinished(connection: &mut PgConnection, organisation: OrganisationId) -> QueryResult<Vec<Batch>> {
    print_batches::table
        .filter(print_batches::organisation_id.eq(organisation))
        .filter(print_batches::origin.eq(Origin::Command))
        .filter(print_batches::files_at.is_null())
        .order(print_batches::number)
        .select(Batch::as_select())
        .load(connection)
}

/// Notes that a batch's files are complete; the first time counts.
///
/// # Errors
/// The database's.
pub fn files_complete(connection: &mut PgConnection, id: BatchId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(print_batches::table.find(id).filter(print_batches::files_at.is_null()))
        .set(print_batches::files_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Batches, the newest first, those older than `after`; of some organisations, or with cards of theirs, when told which.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    organisations: Option<&[OrganisationId]>,
    after: Option<i64>,
    limit: Limit,
) -> QueryResult<Page<Batch, i64>> {
    let mut query = print_batches::table.select(Batch::as_select()).into_boxed();
    if let Some(own) = organisations {
        let with_cards =
            print_items::table.filter(print_items::organisation_id.eq_any(own)).select(print_items::batch_id);
        query =
            query.filter(print_batches::organisation_id.eq_any(own).or(print_batches::id.eq_any(with_cards)));
    }
    if let Some(number) = after {
        query = query.filter(print_batches::number.lt(number));
    }
    let rows = query.order(print_batches::number.desc()).limit(limit.with_lookahead()).load(connection)?;
    Ok(Page::from_lookahead(rows, limit, |batch: &Batch| batch.number))
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

/// Takes a batch a step further: sent, received.
///
/// # Errors
/// [`CardError::BatchUnknown`]; [`CardError::BatchState`] when that doesn't follow.
pub fn advance(
    connection: &mut PgConnection,
    id: BatchId,
    to: BatchStatus,
    (by, note): (&str, Option<&str>),
    now: DateTime<Utc>,
) -> Result<Batch, CardError> {
    connection.transaction(|connection| {
        let batch = lock(connection, id)?;
        let event = match to {
            BatchStatus::Sent => PrintEventKind::Sent,
            BatchStatus::Received => PrintEventKind::Received,
            BatchStatus::Made | BatchStatus::HandedOut => return Err(CardError::BatchState(batch.status)),
        };
        if !batch.status.may_become(to) {
            return Err(CardError::BatchState(batch.status));
        }
        write_event(connection, (id, None), event, (by, note), now)?;
        set_status(connection, id, to)
    })
}

fn lock(connection: &mut PgConnection, id: BatchId) -> Result<Batch, CardError> {
    print_batches::table
        .find(id)
        .select(Batch::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?
        .ok_or(CardError::BatchUnknown(id))
}

fn set_status(connection: &mut PgConnection, id: BatchId, to: BatchStatus) -> Result<Batch, CardError> {
    Ok(diesel::update(print_batches::table.find(id))
        .set(print_batches::status.eq(to))
        .returning(Batch::as_returning())
        .get_result(connection)?)
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
        settle(connection, id, cards, (ItemState::HandedOut, PrintEventKind::HandedOut), (by, None), now)?;
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
        settle(connection, id, cards, spoiled, (by, Some(note)), now)?;
        closed(connection, batch)
    })
}

/// Moves bodies out of print and writes it down for each.
fn settle(
    connection: &mut PgConnection,
    id: BatchId,
    cards: &[CardId],
    (state, event): (ItemState, PrintEventKind),
    (by, note): (&str, Option<&str>),
    now: DateTime<Utc>,
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

/// A received batch that has nothing left to hand out is done.
fn closed(connection: &mut PgConnection, batch: Batch) -> Result<Batch, CardError> {
    let left: bool = diesel::select(diesel::dsl::exists(
        print_items::table
            .filter(print_items::batch_id.eq(batch.id))
            .filter(print_items::state.eq(ItemState::InPrint)),
    ))
    .get_result(connection)?;
    if left || !batch.status.may_become(BatchStatus::HandedOut) {
        Ok(batch)
    } else {
        set_status(connection, batch.id, BatchStatus::HandedOut)
    }
}

/// What happened to a card in print: its own events and those of the batches it was in, the first first.
///
/// # Errors
/// The database's.
pub fn trace(connection: &mut PgConnection, card: CardId) -> QueryResult<Vec<PrintEvent>> {
    let batches = print_items::table.filter(print_items::card_id.eq(card)).select(print_items::batch_id);
    print_events::table
        .filter(print_events::batch_id.eq_any(batches))
        .filter(print_events::card_id.eq(card).or(print_events::card_id.is_null()))
        .order(print_events::id)
        .select(PrintEvent::as_select())
        .load(connection)
}

/// What happened to a batch as a whole, the first first.
///
/// # Errors
/// The database's.
pub fn events(connection: &mut PgConnection, batch: BatchId) -> QueryResult<Vec<PrintEvent>> {
    print_events::table
        .filter(print_events::batch_id.eq(batch).and(print_events::card_id.is_null()))
        .order(print_events::id)
        .select(PrintEvent::as_select())
        .load(connection)
}
