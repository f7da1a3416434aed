//! Cards: issuing one, a family's, finding. What becomes of them later is [`crate::life`]. A number is used once:
//! reissuing takes a new card.

use chrono::{DateTime, Months, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use serde_json::json;
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::money::Money;
use shared_kernel::outbox::{self, Event};
use shared_kernel::text_enum;

use crate::devices::{Device, DeviceKind};
use crate::keys::IssuerKeys;
use crate::life::{self, BlockReason, CardStatus, Entry, Happening};
use crate::number::CardNumber;
use crate::schema::cards::{cards, devices};
use crate::{CardError, aliases, day_of, end_of, numbering};

/// How long a card is good for.
pub const VALID_MONTHS: Months = Months::new(60);
/// Living family cards a member may have.
pub const FAMILY_CARDS_MAX: usize = 8;

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
    /// Whose hands a family card is in. No name: a card knows nobody.
    Relation {
        /// The member's husband or wife.
        Spouse => "spouse",
        /// The member's child.
        Child => "child",
    }
);

/// What a family card may do at most, by the local day and month of purchases; `None` is without a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = cards, treat_none_as_null = true)]
pub struct Limits {
    /// Purchases that earn, a day.
    pub earn_per_day: Option<i32>,
    /// Purchases that earn, a month.
    pub earn_per_month: Option<i32>,
    /// Paid with points, a day.
    pub redeem_per_day: Option<Money>,
    /// Paid with points, a month.
    pub redeem_per_month: Option<Money>,
}

impl std::fmt::Display for Limits {
    /// As the history notes them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        fn or_none(value: Option<impl ToString>) -> String {
            value.map_or_else(|| "-".to_owned(), |value| value.to_string())
        }
        let (earn_day, earn_month) = (or_none(self.earn_per_day), or_none(self.earn_per_month));
        let (day, month) = (or_none(self.redeem_per_day), or_none(self.redeem_per_month));
        write!(f, "earn {earn_day}/{earn_month}, redeem {day}/{month}")
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
    /// When it was made; of one that was blocked on its way into a hand its history alone tells.
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
    /// Who asked for it; `None` for what the program issues by itself.
    pub ordered_by: Option<String>,
    /// Whose hands a family card is in; `None` is the member's own.
    pub relation: Option<Relation>,
    /// A family card's limits.
    #[diesel(embed)]
    pub limits: Limits,
    /// The card it was issued instead of.
    pub replaces: Option<CardId>,
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
            // One blocked before it was in a hand was never good.
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

    /// When its last day is over.
    pub fn ends_at(&self) -> DateTime<Utc> {
        end_of(self.expires_on)
    }

    pub(crate) fn new(number: CardNumber, new: &NewCard<'_>, now: DateTime<Utc>) -> Self {
        let (status, issued_at) = match new.kind {
            CardKind::Virtual => (CardStatus::Active, Some(now)),
            CardKind::Plastic => (CardStatus::Ordered, None),
        };
        Self {
            id: CardId::generate(),
            number,
            member_id: new.member,
            kind: new.kind,
            status,
            ordered_at: now,
            issued_at,
            expires_on: expiry(now),
            blocked_at: None,
            block_reason: None,
            blocked_by: None,
            block_comment: None,
            ordered_by: new.by.map(str::to_owned),
            relation: new.relation,
            limits: new.limits,
            replaces: new.replaces,
        }
    }
}

/// The last day of a card made now.
pub(crate) fn expiry(now: DateTime<Utc>) -> NaiveDate {
    day_of(now).checked_add_months(VALID_MONTHS).expect("five years from now are within chrono's range")
}

/// A card to be issued.
#[derive(Debug, Clone, Copy)]
pub struct NewCard<'a> {
    /// On whose balances.
    pub member: MemberId,
    /// Virtual or plastic.
    pub kind: CardKind,
    /// Who asks: a login's or member's key; `None` for the program itself.
    pub by: Option<&'a str>,
    /// Whose hands a family card is in.
    pub relation: Option<Relation>,
    /// A family card's limits.
    pub limits: Limits,
    /// The card it is issued instead of.
    pub replaces: Option<CardId>,
}

impl<'a> NewCard<'a> {
    /// A member's own card.
    pub fn own(member: MemberId, kind: CardKind, by: Option<&'a str>) -> Self {
        Self { member, kind, by, relation: None, limits: Limits::default(), replaces: None }
    }
}

/// Issues a member's own card, by the program itself; see [`order`].
///
/// # Errors
/// As [`order`].
pub fn issue(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    member: MemberId,
    kind: CardKind,
    now: DateTime<Utc>,
) -> Result<Card, CardError> {
    order(connection, keys, &NewCard::own(member, kind, None), now)
}

/// Issues one card: a virtual one is active at once, with the server as its first device; a plastic one is ordered.
/// Appends `card.issued` (virtual) or `card.ordered` to the outbox.
///
/// # Errors
/// [`CardError::AlreadyHas`] when the member has a living card of the kind of their own;
/// [`CardError::TooManyFamilyCards`]; [`CardError::NumbersExhausted`].
pub fn order(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    new: &NewCard<'_>,
    now: DateTime<Utc>,
) -> Result<Card, CardError> {
    connection.transaction(|connection| {
        life::expire_due(connection, &[new.member], now)?;
        if new.relation.is_some() {
            room_for_family(connection, new.member)?;
        }
        let programme = numbering::current(connection)?;
        let place =
            numbering::next_places(connection, programme, 1)?.pop().ok_or(CardError::NumbersExhausted)?;
        let number = keys.numbers(programme).number(place).ok_or(CardError::NumbersExhausted)?;
        let card = Card::new(number, new, now);
        diesel::insert_into(cards::table).values(&card).execute(connection).map_err(
            |error| match &error {
                DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
                    if info.constraint_name() == Some("cards_one_living") =>
                {
                    CardError::AlreadyHas(new.kind)
                }
                _ => error.into(),
            },
        )?;
        if new.kind == CardKind::Virtual {
            let device = Device::new(keys, card.id, DeviceKind::Server, now);
            diesel::insert_into(devices::table).values(&device).execute(connection)?;
        }
        if new.relation.is_none() {
            aliases::inherit(connection, &[card.id])?;
        }
        outbox::append(connection, &[issued_event(&card, now)])?;
        Ok(card)
    })
}

/// Holds the member's family cards while one more is issued.
fn room_for_family(connection: &mut PgConnection, member: MemberId) -> Result<(), CardError> {
    // The member's own cards are locked, so that two requests at once don't both find room.
    let living: Vec<Option<Relation>> = cards::table
        .filter(cards::member_id.eq(member))
        .filter(cards::status.eq_any(CardStatus::LIVING))
        .order(cards::id)
        .select(cards::relation)
        .for_no_key_update()
        .load(connection)?;
    let family = living.iter().filter(|relation| relation.is_some()).count();
    if family >= FAMILY_CARDS_MAX { Err(CardError::TooManyFamilyCards(FAMILY_CARDS_MAX)) } else { Ok(()) }
}

/// Sets a family card's limits anew.
///
/// # Errors
/// [`CardError::Unknown`]; [`CardError::NotFamily`] for a member's own card.
pub fn limit(
    connection: &mut PgConnection,
    id: CardId,
    (limits, by): (Limits, &str),
    now: DateTime<Utc>,
) -> Result<Card, CardError> {
    connection.transaction(|connection| {
        let card = lock(connection, id)?;
        if card.relation.is_none() {
            return Err(CardError::NotFamily);
        }
        if card.limits == limits {
            return Ok(card);
        }
        diesel::update(cards::table.find(id)).set(&limits).execute(connection)?;
        let entry = Entry::new(id, Happening::LimitsChanged, Some(by), now).note(limits);
        life::write_down(connection, &[entry])?;
        find(connection, id)
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

/// Members' cards, each member's in the order of [`of_member`]. One statement.
///
/// # Errors
/// The database's.
pub fn of_members(connection: &mut PgConnection, members: &[MemberId]) -> Result<Vec<Card>, CardError> {
    Ok(cards::table
        .filter(cards::member_id.eq_any(members))
        .order((cards::kind.desc(), cards::relation.is_not_null(), cards::id.desc()))
        .select(Card::as_select())
        .load(connection)?)
}

/// A member's cards: virtual ones first, their own before the family's, then the newest first.
///
/// # Errors
/// The database's.
pub fn of_member(connection: &mut PgConnection, member: MemberId) -> Result<Vec<Card>, CardError> {
    Ok(cards::table
        .filter(cards::member_id.eq(member))
        .order((cards::kind.desc(), cards::relation.is_not_null(), cards::id.desc()))
        .select(Card::as_select())
        .load(connection)?)
}
