//! Cards and their states: issuing one, finding, blocking. A number is used once: reissuing takes a new card.

use chrono::{DateTime, Months, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use serde_json::json;
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::outbox::{self, Event};
use shared_kernel::text_enum;

use crate::devices::{Device, DeviceKind};
use crate::keys::{IssuerKeys, NUMBERS};
use crate::number::CardNumber;
use crate::schema::cards::{cards, devices};
use crate::{CardError, day_of};

/// How long a card is good for.
pub const VALID_MONTHS: Months = Months::new(60);
/// Numbers left at which a new programme pair must be prepared.
pub const NUMBERS_LOW: i64 = 1_000_000;

text_enum!(
    /// What a card is made of.
    CardKind {
        /// On a screen, with live codes.
        Virtual => "virtual",
        /// Printed, with the bare number.
        Plastic => "plastic",
    }
);

text_enum!(
    /// Where a card stands in its life.
    CardStatus {
        /// Plastic asked for, not printed yet.
        Ordered => "ordered",
        /// Printed, not handed over yet.
        Issued => "issued",
        /// In the member's hands.
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
    }
);

impl CardStatus {
    /// The state machine: what a card that is `self` may become.
    pub fn may_become(self, to: Self) -> bool {
        use CardStatus::{Active, Blocked, Expired, Issued, Ordered};
        match (self, to) {
            (Ordered, Issued | Blocked)
            | (Issued, Active | Blocked | Expired)
            | (Active, Blocked | Expired) => true,
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

/// How a till sees a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It earns.
    Valid,
    /// Blocked, or not in the member's hands yet.
    Blocked,
    /// Past its last day.
    Expired,
}

/// A card, as stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = cards)]
pub struct Card {
    /// Its id.
    pub id: CardId,
    /// Its number.
    pub number: CardNumber,
    /// Whose it is.
    pub member_id: MemberId,
    /// Virtual or plastic.
    pub kind: CardKind,
    /// See [`Card::status_at`] for what it is on a given day.
    pub status: CardStatus,
    /// When it was asked for.
    pub ordered_at: DateTime<Utc>,
    /// When it was made.
    pub issued_at: Option<DateTime<Utc>>,
    /// The last day it is good for.
    pub expires_on: NaiveDate,
    /// When it was blocked.
    pub blocked_at: Option<DateTime<Utc>>,
    /// Why.
    pub block_reason: Option<BlockReason>,
    /// By whom: a login's or member's id.
    pub blocked_by: Option<String>,
    /// What they wrote.
    pub block_comment: Option<String>,
}

impl Card {
    /// The status shown at a moment: a card past its last day is expired though no job has said so.
    pub fn status_at(&self, at: DateTime<Utc>) -> CardStatus {
        match self.status {
            CardStatus::Issued | CardStatus::Active if self.expires_on < day_of(at) => CardStatus::Expired,
            status => status,
        }
    }

    /// Whether the card was good at a moment, also a past one: a card blocked later was good then.
    pub fn standing_at(&self, at: DateTime<Utc>) -> Standing {
        let blocked = match self.status {
            CardStatus::Ordered | CardStatus::Issued => true,
            // One blocked before it was ever issued was never good.
            CardStatus::Blocked => {
                self.issued_at.is_none() || self.blocked_at.is_none_or(|since| since <= at)
            }
            CardStatus::Active | CardStatus::Expired => false,
        };
        match (blocked, self.expires_on < day_of(at)) {
            (true, _) => Standing::Blocked,
            (false, true) => Standing::Expired,
            (false, false) => Standing::Valid,
        }
    }

    pub(crate) fn new(number: CardNumber, member_id: MemberId, kind: CardKind, now: DateTime<Utc>) -> Self {
        let (status, issued_at) = match kind {
            CardKind::Virtual => (CardStatus::Active, Some(now)),
            CardKind::Plastic => (CardStatus::Ordered, None),
        };
        Self {
            id: CardId::generate(),
            number,
            member_id,
            kind,
            status,
            ordered_at: now,
            issued_at,
            expires_on: expiry(now),
            blocked_at: None,
            block_reason: None,
            blocked_by: None,
            block_comment: None,
        }
    }
}

/// The last day of a card made now.
pub(crate) fn expiry(now: DateTime<Utc>) -> NaiveDate {
    day_of(now).checked_add_months(VALID_MONTHS).expect("five years from now are within chrono's range")
}

/// Issues one card: a virtual one is active at once, with the server as its first device; a plastic one is ordered.
/// Appends `card.issued` (virtual) or `card.ordered` to the outbox.
///
/// # Errors
/// [`CardError::AlreadyHas`] when the member has a living card of the kind; [`CardError::NumbersExhausted`].
pub fn issue(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    member: MemberId,
    kind: CardKind,
    now: DateTime<Utc>,
) -> Result<Card, CardError> {
    connection.transaction(|connection| {
        expire_due(connection, &[member], now)?;
        let place = next_places(connection, 1)?.first().copied().ok_or(CardError::NumbersExhausted)?;
        let number = keys.number(place).ok_or(CardError::NumbersExhausted)?;
        let card = Card::new(number, member, kind, now);
        diesel::insert_into(cards::table).values(&card).execute(connection).map_err(
            |error| match &error {
                DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
                    if info.constraint_name() == Some("cards_one_living") =>
                {
                    CardError::AlreadyHas(kind)
                }
                _ => error.into(),
            },
        )?;
        if kind == CardKind::Virtual {
            let device = Device::new(card.id, DeviceKind::Server, now);
            diesel::insert_into(devices::table).values(&device).execute(connection)?;
        }
        outbox::append(connection, &[issued_event(&card, now)])?;
        Ok(card)
    })
}

pub(crate) fn issued_event(card: &Card, now: DateTime<Utc>) -> Event {
    let verb = match card.kind {
        CardKind::Virtual => "card.issued",
        CardKind::Plastic => "card.ordered",
    };
    Event {
        kind: verb.to_owned(),
        member_id: Some(card.member_id),
        payload: json!({ "card_id": card.id, "kind": card.kind }),
        occurred_at: now,
    }
}

/// Marks living cards past their last day as expired, so that a new one can be issued.
pub(crate) fn expire_due(
    connection: &mut PgConnection,
    members: &[MemberId],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(
        cards::table
            .filter(cards::member_id.eq_any(members))
            .filter(cards::status.eq_any([CardStatus::Issued, CardStatus::Active]))
            .filter(cards::expires_on.lt(day_of(now))),
    )
    .set(cards::status.eq(CardStatus::Expired))
    .execute(connection)
}

/// Takes the next `count` places of the number sequence. A place taken by a transaction that fails is lost, not reused.
pub(crate) fn next_places(connection: &mut PgConnection, count: i64) -> QueryResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Place {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        place: i64,
    }
    let places: Vec<Place> =
        diesel::sql_query("SELECT nextval('cards.numbers_01') AS place FROM generate_series(1, $1)")
            .bind::<diesel::sql_types::BigInt, _>(count)
            .load(connection)?;
    Ok(places.into_iter().map(|row| row.place).collect())
}

/// How many numbers the programme has left. Below [`NUMBERS_LOW`] the operator must be warned.
///
/// # Errors
/// The database's.
pub fn numbers_left(connection: &mut PgConnection) -> Result<i64, CardError> {
    #[derive(QueryableByName)]
    struct Taken {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        taken: i64,
    }
    let Taken { taken } = diesel::sql_query(
        "SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END AS taken FROM cards.numbers_01",
    )
    .get_result(connection)?;
    Ok(NUMBERS - taken)
}

/// A card by its id.
///
/// # Errors
/// [`CardError::Unknown`].
pub fn find(connection: &mut PgConnection, id: CardId) -> Result<Card, CardError> {
    cards::table
        .find(id)
        .select(Card::as_select())
        .first(connection)
        .optional()?
        .ok_or(CardError::Unknown(id))
}

pub(crate) fn lock(connection: &mut PgConnection, id: CardId) -> Result<Card, CardError> {
    cards::table
        .find(id)
        .select(Card::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?
        .ok_or(CardError::Unknown(id))
}

/// A card by its number.
///
/// # Errors
/// The database's.
pub fn by_number(connection: &mut PgConnection, number: CardNumber) -> Result<Option<Card>, CardError> {
    Ok(cards::table
        .filter(cards::number.eq(number))
        .select(Card::as_select())
        .first(connection)
        .optional()?)
}

/// Cards by their numbers, in no order; unknown numbers are simply absent. One statement.
///
/// # Errors
/// The database's.
pub fn by_numbers(connection: &mut PgConnection, numbers: &[CardNumber]) -> Result<Vec<Card>, CardError> {
    Ok(cards::table.filter(cards::number.eq_any(numbers)).select(Card::as_select()).load(connection)?)
}

/// Cards by their ids, in no order. One statement.
///
/// # Errors
/// The database's.
pub fn by_ids(connection: &mut PgConnection, ids: &[CardId]) -> Result<Vec<Card>, CardError> {
    Ok(cards::table.filter(cards::id.eq_any(ids)).select(Card::as_select()).load(connection)?)
}

/// A member's cards: virtual ones first, of a kind the newest first.
///
/// # Errors
/// The database's.
pub fn of_member(connection: &mut PgConnection, member: MemberId) -> Result<Vec<Card>, CardError> {
    Ok(cards::table
        .filter(cards::member_id.eq(member))
        .order((cards::kind.desc(), cards::id.desc()))
        .select(Card::as_select())
        .load(connection)?)
}

/// The cards of members, in the order of [`of_member`]. One statement.
///
/// # Errors
/// The database's.
pub fn of_members(connection: &mut PgConnection, members: &[MemberId]) -> Result<Vec<Card>, CardError> {
    Ok(cards::table
        .filter(cards::member_id.eq_any(members))
        .order((cards::kind.desc(), cards::id.desc()))
        .select(Card::as_select())
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
/// [`CardError::Unknown`]; [`CardError::Transition`] for an expired card.
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

/// Blocks every living card of a member, as when they leave; the number blocked.
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
        let living: Vec<CardId> = cards::table
            .filter(cards::member_id.eq(member))
            .filter(cards::status.eq_any([CardStatus::Ordered, CardStatus::Issued, CardStatus::Active]))
            .order(cards::id)
            .select(cards::id)
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
    let owners: Vec<(CardId, MemberId)> = diesel::update(cards::table.filter(cards::id.eq_any(ids)))
        .set((
            cards::status.eq(CardStatus::Blocked),
            cards::blocked_at.eq(now),
            cards::block_reason.eq(block.reason),
            cards::blocked_by.eq(&block.by),
            cards::block_comment.eq(&block.comment),
        ))
        .returning((cards::id, cards::member_id))
        .get_results(connection)?;
    let events: Vec<Event> = owners
        .into_iter()
        .map(|(card, member)| Event {
            kind: "card.blocked".to_owned(),
            member_id: Some(member),
            payload: json!({ "card_id": card, "reason": block.reason }),
            occurred_at: now,
        })
        .collect();
    outbox::append(connection, &events)
}
