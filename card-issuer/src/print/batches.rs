//! Batches: made of waiting cards, found, listed, taken a step further.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Timestamptz, Uuid};
use shared_kernel::ids::{CardId, OrganisationId};
use shared_kernel::paging::{Limit, Page};

use super::trace::{PrintEventKind, write_event};
use super::{BATCH_CARDS_MAX, Batch, BatchId, BatchStatus, ItemState, Origin};
use crate::CardError;
use crate::designs::DesignId;
use crate::face::Resolution;
use crate::life::{self, Entry, Happening};
use crate::schema::cards::{print_batches, print_events, print_items};

/// A card to be put into a batch.
#[derive(Debug, Clone, Copy)]
pub struct NewItem {
    /// The card, locked by [`lock_waiting`](super::lock_waiting).
    pub card: CardId,
    /// Where the holder belongs.
    pub organisation: OrganisationId,
    /// How it looks; `None` is the program's own design.
    pub design: Option<DesignId>,
}

/// What a batch is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewBatch {
    /// Whose subtree's cards it has.
    pub organisation: OrganisationId,
    /// Who makes its files.
    pub origin: Origin,
    /// How finely its faces are drawn.
    pub resolution: Resolution,
}

/// Makes a batch of locked cards, in the order of their places; `None` when there are none. Cards that were ordered are
/// issued from now on.
///
/// # Errors
/// The database's.
pub fn make(
    connection: &mut PgConnection,
    new: NewBatch,
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
                print_batches::organisation_id.eq(new.organisation),
                print_batches::origin.eq(new.origin),
                print_batches::dpi.eq(new.resolution.dpi()),
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

/// Which of these batches came back from the plant before an instant: nobody needs their files any more.
///
/// # Errors
/// The database's.
pub fn received_before(
    connection: &mut PgConnection,
    batches: &[BatchId],
    before: DateTime<Utc>,
) -> QueryResult<Vec<BatchId>> {
    print_events::table
        .filter(print_events::batch_id.eq_any(batches))
        .filter(print_events::event.eq(PrintEventKind::Received))
        .filter(print_events::at.lt(before))
        .select(print_events::batch_id)
        .distinct()
        .load(connection)
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

pub(super) fn lock(connection: &mut PgConnection, id: BatchId) -> Result<Batch, CardError> {
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

/// A received batch that has nothing left to hand out is done.
pub(super) fn closed(connection: &mut PgConnection, batch: Batch) -> Result<Batch, CardError> {
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
