//! A card for everybody in a set of members who has none of the kind: a handful of statements whatever the size.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date, SmallInt, Text, Timestamptz, Uuid};
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::outbox::{self, Event};

use crate::cards::{self, Card, CardKind, NewCard};
use crate::devices::{DeviceId, DeviceKind};
use crate::keys::IssuerKeys;
use crate::life::CardStatus;
use crate::schema::cards::cards as table;
use crate::{CardError, aliases, life, numbering};

/// Members a call may carry, so that arrays and locks stay bounded.
pub const MEMBERS_MAX: usize = 10_000;

/// What a call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Issued {
    /// New cards.
    pub issued: usize,
    /// Members who had a living card of the kind.
    pub skipped: usize,
}

/// Whether the outbox tells each member of the new card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announce {
    /// One `card.issued` event a card.
    Each,
    /// Nothing, as after an import without `--notify`.
    Nothing,
}

/// Issues a card of `kind` to each of at most [`MEMBERS_MAX`] members who has none living. Members beyond the bound are a
/// programming error and are refused by the caller's chunking; ids given twice count once.
///
/// # Errors
/// [`CardError::NumbersExhausted`] when the programme has too few numbers left: nothing is issued then.
pub fn issue_missing(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    (kind, announce): (CardKind, Announce),
    members: &[MemberId],
    now: DateTime<Utc>,
) -> Result<Issued, CardError> {
    debug_assert!(members.len() <= MEMBERS_MAX, "the caller passes members in chunks");
    connection.transaction(|connection| {
        let mut wanting = without_card(connection, kind, members)?;
        if wanting.len() < members.len() && life::expire_due(connection, members, now)? > 0 {
            wanting = without_card(connection, kind, members)?;
        }
        let count = i64::try_from(wanting.len()).expect("a chunk is small");
        let programme = numbering::current(connection)?;
        let numbers = keys.numbers(programme);
        let places = numbering::next_places(connection, programme, count)?;
        let new: Option<Vec<Card>> = wanting
            .iter()
            .zip(places)
            .map(|(member, place)| {
                Some(Card::new(numbers.number(place)?, &NewCard::own(*member, kind, None), now))
            })
            .collect();
        let new = new.ok_or(CardError::NumbersExhausted)?;
        let stored = insert_cards(connection, &new, kind, now)?;
        if kind == CardKind::Virtual {
            insert_devices(connection, keys, &stored, now)?;
        }
        aliases::inherit(connection, &stored)?;
        if announce == Announce::Each {
            let stored: std::collections::HashSet<CardId> = stored.iter().copied().collect();
            let events: Vec<Event> = new
                .iter()
                .filter(|card| stored.contains(&card.id))
                .map(|card| cards::issued_event(card, now))
                .collect();
            outbox::append(connection, &events)?;
        }
        Ok(Issued { issued: stored.len(), skipped: members.len() - stored.len() })
    })
}

/// How many of the given members, each of them told once, [`issue_missing`] would give a card of the kind.
///
/// # Errors
/// The database's.
pub fn wanting(
    connection: &mut PgConnection,
    kind: CardKind,
    members: &[MemberId],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    // One living card of a kind is a member's at most.
    let having: i64 = table::table
        .filter(table::member_id.eq_any(members))
        .filter(table::kind.eq(kind))
        .filter(table::relation.is_null())
        .filter(table::status.eq_any(CardStatus::LIVING))
        .filter(table::expires_on.ge(crate::day_of(now)))
        .count()
        .get_result(connection)?;
    Ok(members.len().saturating_sub(usize::try_from(having).expect("a count is not negative")))
}

/// The given members, each once and in order of id, who have no living card of the kind.
fn without_card(
    connection: &mut PgConnection,
    kind: CardKind,
    members: &[MemberId],
) -> QueryResult<Vec<MemberId>> {
    let having: std::collections::HashSet<MemberId> = table::table
        .filter(table::member_id.eq_any(members))
        .filter(table::kind.eq(kind))
        .filter(table::relation.is_null())
        .filter(table::status.eq_any(CardStatus::LIVING))
        .select(table::member_id)
        .load(connection)?
        .into_iter()
        .collect();
    let wanting: std::collections::BTreeSet<MemberId> =
        members.iter().copied().filter(|member| !having.contains(member)).collect();
    Ok(wanting.into_iter().collect())
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Uuid)]
    id: CardId,
}

/// Inserts by arrays; somebody else's card for the same member, issued meanwhile, wins. The ids stored.
fn insert_cards(
    connection: &mut PgConnection,
    new: &[Card],
    kind: CardKind,
    now: DateTime<Utc>,
) -> QueryResult<Vec<CardId>> {
    let Some(pattern) = new.first() else { return Ok(Vec::new()) };
    let ids: Vec<CardId> = new.iter().map(|card| card.id).collect();
    let numbers: Vec<&str> = new.iter().map(|card| card.number.as_str()).collect();
    let members: Vec<MemberId> = new.iter().map(|card| card.member_id).collect();
    let stored: Vec<Stored> = diesel::sql_query(
        "INSERT INTO cards.cards (id, number, member_id, kind, status, ordered_at, issued_at, expires_on)
         SELECT id, number, member_id, $4, $5, $6, $7, $8
         FROM unnest($1, $2, $3) AS new (id, number, member_id)
         ON CONFLICT (member_id, kind) WHERE status IN ('ordered', 'issued', 'active') AND relation IS NULL
         DO NOTHING
         RETURNING id",
    )
    .bind::<Array<Uuid>, _>(&ids)
    .bind::<Array<Text>, _>(&numbers)
    .bind::<Array<Uuid>, _>(&members)
    .bind::<Text, _>(kind)
    .bind::<Text, _>(pattern.status)
    .bind::<Timestamptz, _>(now)
    .bind::<diesel::sql_types::Nullable<Timestamptz>, _>(pattern.issued_at)
    .bind::<Date, _>(pattern.expires_on)
    .load(connection)?;
    Ok(stored.into_iter().map(|row| row.id).collect())
}

fn insert_devices(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    cards: &[CardId],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let ids: Vec<DeviceId> = cards.iter().map(|_| DeviceId::generate()).collect();
    diesel::sql_query(
        "INSERT INTO cards.devices (id, card_id, kind, key_version, created_at)
         SELECT id, card_id, $3, $4, $5 FROM unnest($1, $2) AS new (id, card_id)",
    )
    .bind::<Array<Uuid>, _>(&ids)
    .bind::<Array<Uuid>, _>(cards)
    .bind::<Text, _>(DeviceKind::Server)
    .bind::<SmallInt, _>(keys.device_version())
    .bind::<Timestamptz, _>(now)
    .execute(connection)?;
    Ok(())
}
