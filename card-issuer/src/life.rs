//! The life of a card: its states and the one table of what may follow what, blocking, handing over, reissuing, and
//! the history of all that.
//!
//! ```text
//! ordered ──► issued ──► active ──► expired
//!    └───────────┴──────────┴──────────┴─► blocked (for ever; its holder gets another card instead)
//! ```

use chrono::{DateTime, Utc};
use diesel::dsl::case_when;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde_json::json;
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::outbox::{self, Event};
use shared_kernel::text_enum;

use crate::cards::{self, Card, NewCard, find, lock};
use crate::keys::IssuerKeys;
use crate::number::CardNumber;
use crate::schema::cards::{cards as table, history};
use crate::{CardError, aliases, day_of, revocations};

text_enum!(
    /// Where a card stands in its life.
    CardStatus {
        /// Plastic asked for, not printed yet.
        Ordered => "ordered",
        /// Printed, not handed over yet.
        Issued => "issued",
        /// In the holder's hands.
        Active => "active",
        /// Blocked for ever.
        Blocked => "blocked",
        /// Past its last day.
        Expired => "expired",
    }
);

text_enum!(
    /// Why a card was blocked.
    BlockReason {
        /// Lost.
        Lost => "lost",
        /// Stolen.
        Stolen => "stolen",
        /// The member left the union.
        Left => "left",
        /// Misused.
        Fraud => "fraud",
        /// Another card was issued instead, nothing being wrong: worn out, or a number wanted anew.
        Replaced => "replaced",
    }
);

impl CardStatus {
    /// The states of a card that still lives: a member has one such card of a kind.
    pub const LIVING: [Self; 3] = [Self::Ordered, Self::Issued, Self::Active];

    /// The state machine: what a card that is `self` may become.
    pub fn may_become(self, to: Self) -> bool {
        use CardStatus::{Active, Blocked, Expired, Issued, Ordered};
        match (self, to) {
            (Ordered, Issued | Blocked)
            | (Issued, Active | Blocked | Expired)
            | (Active, Blocked | Expired)
            // Another card was issued instead: its number is done with for ever, like any replaced one's.
            | (Expired, Blocked) => true,
            (Ordered | Issued | Active | Blocked | Expired, _) => false,
        }
    }

    /// [`Self::may_become`] as a check.
    ///
    /// # Errors
    /// [`CardError::Transition`].
    pub fn become_(self, to: Self) -> Result<Self, CardError> {
        if self.may_become(to) { Ok(to) } else { Err(CardError::Transition { from: self, to }) }
    }
}

text_enum!(
    /// What happened to a card after it was asked for.
    Happening {
        /// Made.
        Issued => "issued",
        /// Handed over.
        Activated => "activated",
        /// Blocked; the reason says why.
        Blocked => "blocked",
        /// Past its last day.
        Expired => "expired",
        /// Another card was issued instead; the note names it.
        Reissued => "reissued",
        /// A family card's limits were set anew; the note says how.
        LimitsChanged => "limits_changed",
        /// A device that draws its codes was added; the note names it.
        DeviceAdded => "device_added",
        /// One was revoked.
        DeviceRevoked => "device_revoked",
        /// Another number it answers to.
        AliasAdded => "alias_added",
        /// It answers to that number no more.
        AliasRemoved => "alias_removed",
    }
);

/// One line of a card's history.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = history)]
pub struct Entry {
    /// The card.
    pub card_id: CardId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: Happening,
    /// Who: a login's or member's key; `None` for what the program does by itself.
    pub by_whom: Option<String>,
    /// Why it was blocked.
    pub reason: Option<String>,
    /// What was written about it, or what it concerns.
    pub note: Option<String>,
}

impl Entry {
    pub(crate) fn new(card: CardId, event: Happening, by: Option<&str>, at: DateTime<Utc>) -> Self {
        Self { card_id: card, at, event, by_whom: by.map(str::to_owned), reason: None, note: None }
    }

    pub(crate) fn note(self, note: impl ToString) -> Self {
        Self { note: Some(note.to_string()), ..self }
    }
}

/// Writes history in the transaction of what happened.
pub(crate) fn write_down(connection: &mut PgConnection, entries: &[Entry]) -> QueryResult<()> {
    // Bounded by the parameters of one statement.
    for chunk in entries.chunks(1_000) {
        diesel::insert_into(history::table).values(chunk).execute(connection)?;
    }
    Ok(())
}

/// What happened to a card, the first first. That it was asked for, when and by whom, its own row tells.
///
/// # Errors
/// The database's.
pub fn history_of(connection: &mut PgConnection, card: CardId) -> Result<Vec<Entry>, CardError> {
    Ok(history::table
        .filter(history::card_id.eq(card))
        .order(history::id)
        .select(Entry::as_select())
        .load(connection)?)
}

/// Why and by whom a card is blocked.
#[derive(Debug, Clone)]
pub struct Block {
    /// Why.
    pub reason: BlockReason,
    /// A login's or member's id.
    pub by: String,
    /// What they wrote.
    pub comment: Option<String>,
}

/// Blocks a card for ever and appends `card.blocked`. Blocking a blocked card again changes nothing and answers it.
///
/// # Errors
/// [`CardError::Unknown`]
pub fn block(
    connection: &mut PgConnection,
    id: CardId,
    block: &Block,
    now: DateTime<Utc>,
) -> Result<Card, CardError> {
    connection.transaction(|connection| {
        let card = lock(connection, id)?;
        if card.status == CardStatus::Blocked {
            return Ok(card);
        }
        card.status.become_(CardStatus::Blocked)?;
        write_block(connection, &[id], block, now)?;
        find(connection, id)
    })
}

/// Blocks every living card of a member, family cards too, as when they leave; the number blocked.
///
/// # Errors
/// The database's.
pub fn block_all(
    connection: &mut PgConnection,
    member: MemberId,
    block: &Block,
    now: DateTime<Utc>,
) -> Result<usize, CardError> {
    connection.transaction(|connection| {
        let living: Vec<CardId> = table::table
            .filter(table::member_id.eq(member))
            .filter(table::status.eq_any(CardStatus::LIVING))
            .order(table::id)
            .select(table::id)
            .for_no_key_update()
            .load(connection)?;
        write_block(connection, &living, block, now)?;
        Ok(living.len())
    })
}

fn write_block(
    connection: &mut PgConnection,
    ids: &[CardId],
    block: &Block,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let blocked: Vec<(CardId, MemberId, CardNumber)> =
        diesel::update(table::table.filter(table::id.eq_any(ids)))
            .set((
                table::status.eq(CardStatus::Blocked),
                // Lost on its way into a hand, it was never good.
                table::issued_at.eq(case_when(table::status.ne(CardStatus::Issued), table::issued_at)),
                table::blocked_at.eq(now),
                table::block_reason.eq(block.reason),
                table::blocked_by.eq(&block.by),
                table::block_comment.eq(&block.comment),
            ))
            .returning((table::id, table::member_id, table::number))
            .get_results(connection)?;
    let entries: Vec<Entry> = blocked
        .iter()
        .map(|(card, ..)| Entry {
            reason: Some(block.reason.to_string()),
            note: block.comment.clone(),
            ..Entry::new(*card, Happening::Blocked, Some(&block.by), now)
        })
        .collect();
    write_down(connection, &entries)?;
    let numbers: Vec<CardNumber> = blocked.iter().map(|(.., number)| *number).collect();
    revocations::append(connection, &numbers, true, now)?;
    let events: Vec<Event> = blocked
        .into_iter()
        .map(|(card, member, _)| Event {
            kind: "card.blocked".to_owned(),
            member_id: Some(member),
            payload: json!({ "card_id": card, "reason": block.reason }),
            occurred_at: now,
        })
        .collect();
    outbox::append(connection, &events)
}

/// Takes a plastic card a step further: `issued` once it is made, `active` once it is handed over.
///
/// # Errors
/// [`CardError::Unknown`]; [`CardError::Transition`] when that doesn't follow, or is another function's.
pub fn advance(
    connection: &mut PgConnection,
    id: CardId,
    to: CardStatus,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Card, CardError> {
    connection.transaction(|connection| {
        let card = lock(connection, id)?;
        let from = card.status_at(now);
        let event = match from.become_(to)? {
            CardStatus::Issued => Happening::Issued,
            CardStatus::Active => Happening::Activated,
            CardStatus::Ordered | CardStatus::Blocked | CardStatus::Expired => {
                return Err(CardError::Transition { from, to });
            }
        };
        diesel::update(table::table.find(id))
            .set((table::status.eq(to), table::issued_at.eq(card.issued_at.unwrap_or(now))))
            .execute(connection)?;
        write_down(connection, &[Entry::new(id, event, Some(by), now)])?;
        find(connection, id)
    })
}

/// Marks living cards past their last day as expired, so that new ones can be issued; how many.
pub(crate) fn expire_due(
    connection: &mut PgConnection,
    members: &[MemberId],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let expired: Vec<CardId> = diesel::update(
        table::table
            .filter(table::member_id.eq_any(members))
            .filter(table::status.eq_any([CardStatus::Issued, CardStatus::Active]))
            .filter(table::expires_on.lt(day_of(now))),
    )
    .set(table::status.eq(CardStatus::Expired))
    .returning(table::id)
    .get_results(connection)?;
    let entries: Vec<Entry> =
        expired.into_iter().map(|card| Entry::new(card, Happening::Expired, None, now)).collect();
    write_down(connection, &entries)?;
    Ok(entries.len())
}

/// Issues another card instead of one that is lost, stolen, worn out or expired: same member, kind, relation and
/// limits, a new number and new devices. The old one is blocked for the reason given, unless it was before, and stays
/// blocked for ever. Numbers of older systems go over to the new card. Appends `card.blocked` and `card.issued`.
///
/// # Errors
/// [`CardError::Unknown`]; [`CardError::Replaced`] when that has happened before; [`CardError::AlreadyHas`] when the
/// member has got another card of the kind meanwhile; [`CardError::NumbersExhausted`].
pub fn reissue(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    id: CardId,
    block: &Block,
    now: DateTime<Utc>,
) -> Result<Card, CardError> {
    connection.transaction(|connection| {
        let old = lock(connection, id)?;
        if replacement_of(connection, id)?.is_some() {
            return Err(CardError::Replaced(id));
        }
        if old.status_at(now) == CardStatus::Expired {
            expire_due(connection, &[old.member_id], now)?;
        }
        if old.status != CardStatus::Blocked {
            write_block(connection, &[id], block, now)?;
        }
        let new = NewCard {
            member: old.member_id,
            kind: old.kind,
            by: Some(&block.by),
            relation: old.relation,
            limits: old.limits,
            replaces: Some(id),
        };
        let card = cards::order(connection, keys, &new, now)?;
        aliases::move_over(connection, &[id], card.id)?;
        let entry = Entry::new(id, Happening::Reissued, Some(&block.by), now).note(card.id);
        write_down(connection, &[entry])?;
        Ok(card)
    })
}

/// The card that was issued instead of this one.
///
/// # Errors
/// The database's.
pub fn replacement_of(connection: &mut PgConnection, id: CardId) -> Result<Option<CardId>, CardError> {
    Ok(table::table.filter(table::replaces.eq(id)).select(table::id).first(connection).optional()?)
}
