//! Plastic on its way: claimed into a batch, made, sent, received, handed out; spoiled bodies go back to waiting under
//! the same number. Who did what to each card, and when, is kept for good.
//!
//! ```text
//! batch:  made ──► sent ──► received ──► handed_out (when no card of it is left)
//!           └────────────────►┘ printed in the own office
//! card:   ordered ──claimed──► issued ──handed out──► active
//!            a spoiled body: the card waits again as it is, its number unchanged
//! ```

mod batches;
mod bodies;
mod trace;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use shared_kernel::ids::{CardId, OrganisationId};
use shared_kernel::text_enum;

use crate::designs::DesignId;
use crate::face::Resolution;
use crate::schema::cards::{print_batches, print_items};

pub use batches::{
    NewBatch, NewItem, advance, files_complete, find, list, make, received_before, unfinished,
};
pub use bodies::{
    Counts, Waiting, counts, hand_out, items, lock_waiting, of_organisations, spoil, waiting, waiting_of,
};
pub use trace::{PrintEvent, PrintEventKind, events, trace};

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
    /// Dots an inch of its faces: 300 or 600.
    pub dpi: i16,
}

impl Batch {
    /// How finely its faces are drawn.
    pub fn resolution(&self) -> Resolution {
        u32::try_from(self.dpi).ok().and_then(Resolution::of_dpi).expect("the table takes no other")
    }
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
