//! Who did what to a batch or one card of it, and when: kept for good.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::CardId;
use shared_kernel::text_enum;

use super::BatchId;
use crate::schema::cards::{print_events, print_items};

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

pub(super) fn write_event(
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
