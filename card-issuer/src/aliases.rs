//! What a card answers to: its number, the EAN-13 made of it, or a number of an older system. Such an alias may be any
//! text and may have been given twice; one that names several cards finds none.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid};
use shared_kernel::ids::CardId;
use shared_kernel::text::is_format_character;
use unicode_normalization::UnicodeNormalization;

use crate::CardError;
use crate::cards::{self, Card};
use crate::life::{self, Entry, Happening};
use crate::number::{CardNumber, NumberError};
use crate::schema::cards::aliases;

/// Longest alias.
pub const ALIAS_CHARS_MAX: usize = 32;

/// A number of an older system, as it is kept: composed, upper case, no blank ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Alias(String);

impl Alias {
    /// Reads an alias: 1 to 32 characters, none of them a control. What is one of our own numbers is no alias.
    pub fn parse(text: &str) -> Option<Self> {
        // Bounded before it is worked on.
        if text.len() > 8 * ALIAS_CHARS_MAX {
            return None;
        }
        let text: String = text.trim().to_uppercase().nfc().collect();
        let fits = (1..=ALIAS_CHARS_MAX).contains(&text.chars().count());
        let visible = text.chars().all(|c| !c.is_control() && !is_format_character(c));
        (fits && visible && CardNumber::parse(&text).is_err()).then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text shown as a card's number: our own number, its EAN-13, or an alias.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CardName {
    number: Option<CardNumber>,
    alias: Option<Alias>,
    /// Why it is no number of ours, should it be no alias either.
    fault: Option<NumberError>,
}

impl CardName {
    /// Reads what a till sent as `card_number`.
    ///
    /// # Errors
    /// [`NumberError`] for what can't even be an alias.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        match CardNumber::parse(text) {
            Ok(number) => Ok(number.into()),
            Err(fault) => {
                let alias = Alias::parse(text).ok_or(fault)?;
                let number = CardNumber::of_ean13(text);
                Ok(Self { number, alias: Some(alias), fault: number.is_none().then_some(fault) })
            }
        }
    }
}

impl From<CardNumber> for CardName {
    fn from(number: CardNumber) -> Self {
        Self { number: Some(number), alias: None, fault: None }
    }
}

/// Why a name finds no card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameRefusal {
    /// No card has this number ("card-unknown").
    #[error("there is no card with this number")]
    Unknown,
    /// It is no alias that is known, and no number of ours ("code-invalid").
    #[error(transparent)]
    NotANumber(NumberError),
    /// Several cards have this number ("card-unknown").
    #[error("several cards have this number")]
    Ambiguous,
}

/// The card of each name, in the order asked: a statement for the numbers, and one more when there are aliases.
///
/// # Errors
/// The database's; a name that finds no card is a [`NameRefusal`].
pub fn cards_named(
    connection: &mut PgConnection,
    names: &[&CardName],
) -> Result<Vec<Result<Card, NameRefusal>>, CardError> {
    let numbers: Vec<CardNumber> = names.iter().filter_map(|name| name.number).collect();
    let by_number: HashMap<CardNumber, Card> =
        cards::by_numbers(connection, &numbers)?.into_iter().map(|card| (card.number, card)).collect();
    let by_alias = cards_of_aliases(connection, names)?;
    Ok(names
        .iter()
        .map(|name| {
            let numbered = name.number.and_then(|number| by_number.get(&number));
            let aliased = name.alias.as_ref().and_then(|alias| by_alias.get(alias.as_str()));
            let mut found = numbered.into_iter().chain(aliased.into_iter().flatten());
            match (found.next(), found.next()) {
                (Some(card), None) => Ok(card.clone()),
                (Some(_), Some(_)) => Err(NameRefusal::Ambiguous),
                (None, _) => Err(name.fault.map_or(NameRefusal::Unknown, NameRefusal::NotANumber)),
            }
        })
        .collect())
}

/// The card of a name.
///
/// # Errors
/// As [`cards_named`].
pub fn card_named(
    connection: &mut PgConnection,
    name: &CardName,
) -> Result<Result<Card, NameRefusal>, CardError> {
    Ok(cards_named(connection, &[name])?.pop().unwrap_or(Err(NameRefusal::Unknown)))
}

/// Every card a name may mean, for a person who looks.
///
/// # Errors
/// The database's.
pub fn search(connection: &mut PgConnection, name: &CardName) -> Result<Vec<Card>, CardError> {
    let numbers: Vec<CardNumber> = name.number.into_iter().collect();
    let mut found = cards::by_numbers(connection, &numbers)?;
    found.extend(cards_of_aliases(connection, &[name])?.into_values().flatten());
    Ok(found)
}

fn cards_of_aliases(
    connection: &mut PgConnection,
    names: &[&CardName],
) -> Result<HashMap<String, Vec<Card>>, CardError> {
    let asked: Vec<&str> = names.iter().filter_map(|name| name.alias.as_ref()).map(Alias::as_str).collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let pairs: Vec<(String, CardId)> = aliases::table
        .filter(aliases::alias.eq_any(asked))
        .select((aliases::alias, aliases::card_id))
        .load(connection)?;
    let ids: Vec<CardId> = pairs.iter().map(|(_, card)| *card).collect();
    let cards: HashMap<CardId, Card> =
        cards::by_ids(connection, &ids)?.into_iter().map(|card| (card.id, card)).collect();
    let mut found: HashMap<String, Vec<Card>> = HashMap::new();
    for (alias, card) in pairs {
        found.entry(alias).or_default().extend(cards.get(&card).cloned());
    }
    Ok(found)
}

/// The aliases of a card, in order.
///
/// # Errors
/// The database's.
pub fn of_card(connection: &mut PgConnection, card: CardId) -> Result<Vec<String>, CardError> {
    Ok(aliases::table
        .filter(aliases::card_id.eq(card))
        .order(aliases::alias)
        .select(aliases::alias)
        .load(connection)?)
}

#[derive(QueryableByName)]
struct Added {
    #[diesel(sql_type = Text)]
    alias: String,
    #[diesel(sql_type = Uuid)]
    card_id: CardId,
}

/// Gives cards aliases; those that were there already are left alone. The pairs that are new.
///
/// # Errors
/// The database's.
pub fn add(
    connection: &mut PgConnection,
    pairs: &[(Alias, CardId)],
    by: &str,
    now: DateTime<Utc>,
) -> Result<HashSet<(Alias, CardId)>, CardError> {
    connection.transaction(|connection| {
        let (texts, cards): (Vec<&str>, Vec<CardId>) =
            pairs.iter().map(|(alias, card)| (alias.as_str(), *card)).unzip();
        let added: Vec<Added> = diesel::sql_query(
            "INSERT INTO cards.aliases (alias, card_id, added_at, added_by)
             SELECT DISTINCT alias, card_id, $3, $4 FROM unnest($1, $2) AS new (alias, card_id)
             ON CONFLICT (alias, card_id) DO NOTHING RETURNING alias, card_id",
        )
        .bind::<Array<Text>, _>(&texts)
        .bind::<Array<Uuid>, _>(&cards)
        .bind::<Timestamptz, _>(now)
        .bind::<Text, _>(by)
        .load(connection)?;
        let entries: Vec<Entry> = added
            .iter()
            .map(|row| Entry::new(row.card_id, Happening::AliasAdded, Some(by), now).note(&row.alias))
            .collect();
        life::write_down(connection, &entries)?;
        Ok(added.into_iter().map(|row| (Alias(row.alias), row.card_id)).collect())
    })
}

/// Takes an alias from a card; `false` when it has no such one.
///
/// # Errors
/// The database's.
pub fn remove(
    connection: &mut PgConnection,
    (card, alias): (CardId, &Alias),
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, CardError> {
    connection.transaction(|connection| {
        let removed = diesel::delete(aliases::table.find((alias.as_str(), card))).execute(connection)? > 0;
        if removed {
            let entry = Entry::new(card, Happening::AliasRemoved, Some(by), now).note(alias.as_str());
            life::write_down(connection, &[entry])?;
        }
        Ok(removed)
    })
}

/// Lets the aliases of cards that are done with find another.
pub(crate) fn move_over(connection: &mut PgConnection, from: &[CardId], to: CardId) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH moved AS (DELETE FROM cards.aliases WHERE card_id = ANY($1) RETURNING alias, added_at, added_by)
         INSERT INTO cards.aliases (alias, card_id, added_at, added_by)
         SELECT DISTINCT ON (alias) alias, $2, added_at, added_by FROM moved ORDER BY alias, added_at
         ON CONFLICT (alias, card_id) DO NOTHING",
    )
    .bind::<Array<Uuid>, _>(from)
    .bind::<Uuid, _>(to)
    .execute(connection)
}

/// Lets members' own new cards answer to what their own cards that are done with answered to, of the same kind or of one
/// they have no living card of: those left behind by somebody who came back, blocked or past their last day. One statement,
/// whatever the number.
pub(crate) fn inherit(connection: &mut PgConnection, new: &[CardId]) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH moved AS (
             DELETE FROM cards.aliases AS alias USING cards.cards AS new, cards.cards AS old
             WHERE EXISTS (SELECT FROM cards.aliases)
               AND new.id = ANY($1) AND new.relation IS NULL
               AND old.member_id = new.member_id AND old.relation IS NULL
               AND (old.kind = new.kind OR NOT EXISTS (SELECT FROM cards.cards AS other
                    WHERE other.member_id = old.member_id AND other.kind = old.kind AND other.relation IS NULL
                        AND other.status IN ('ordered', 'issued', 'active')))
               AND old.status IN ('blocked', 'expired') AND alias.card_id = old.id
             RETURNING alias.alias, new.id AS card_id, alias.added_at, alias.added_by
         )
         INSERT INTO cards.aliases (alias, card_id, added_at, added_by)
         SELECT DISTINCT ON (alias, card_id) alias, card_id, added_at, added_by FROM moved
         ORDER BY alias, card_id, added_at
         ON CONFLICT (alias, card_id) DO NOTHING",
    )
    .bind::<Array<Uuid>, _>(new)
    .execute(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_of_an_older_system_is_a_name() {
        for (text, kept) in [
            ("  ab-00123 ", "AB-00123"),
            ("№ 77/5", "№ 77/5"),
            ("и\u{306}", "Й"),
            ("4111111111111111", "4111111111111111"),
            (&"9".repeat(32), &"9".repeat(32)),
        ] {
            assert_eq!(Alias::parse(text).unwrap().as_str(), kept, "{text}");
            assert!(CardName::parse(text).is_ok(), "{text}");
        }
        for text in ["", "  ", &"9".repeat(33), "a\tb", "a\u{202e}b", "a\u{200b}", &"x".repeat(4_096)] {
            assert_eq!(Alias::parse(text), None, "{text:?}");
            assert!(CardName::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Alias::parse("9643 0000 0000 0004"), None, "our own number is no alias");
        let own = CardName::parse("9643-0000-0000-0004").unwrap();
        assert_eq!(own, CardNumber::parse("9643000000000004").unwrap().into());
    }

    #[test]
    fn an_ean_names_the_card_it_was_made_of() {
        let number = CardNumber::parse("9643000000000004").unwrap();
        let name = CardName::parse(&number.ean13()).unwrap();
        assert_eq!(name.number, Some(number));
        assert!(name.fault.is_none());
        assert_eq!(CardName::parse("2000000000011").unwrap().number, None, "its check digit is wrong");
    }
}
