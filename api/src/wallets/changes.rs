//! The passes that are out there, and which of them show something else than they did.
//!
//! | step | who | what |
//! |---|---|---|
//! | [`watch`] | whoever hands a pass out | it is known from now on, with a hash of what it shows |
//! | [`mark`] | the relay, for the members its events name; jobs, for the members they moved; [`sweep`] once a day for all | it may show something else |
//! | [`look`] | the wallets' thread | what is marked is read anew; where the hash differs it gets the next tag, and its wallets are to be told ([`super::updates`]) |
//!
//! A mark is a number that only grows: one made while a pass is being looked at stays for the next look. Tags are drawn
//! under one lock until their commit, so that whoever has seen a tag has seen every one below it.
//!
//! To have another kind of wallet told of changes: `watch` its passes when they are handed out, name it in
//! [`super::Wallets::told`], and send in [`super::sender`]. A change that no event tells of needs an event with its
//! member, nothing here.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Date, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::advisory;
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::schema::platform::wallet_passes as passes;

use super::shown::{self, Shown};
use super::{Provider, Wallets};
use crate::app::App;
use crate::problem::Problem;

/// Passes looked at in one go.
const LOOK_MAX: i64 = 500;
/// Passes marked in one part of the nightly job.
const SWEEP_MAX: i64 = 5_000;
/// The lock under which tags are drawn: "wallets!" in ASCII.
const TAGS_LOCK: i64 = 0x7761_6c6c_6574_7321;

/// How a pass that is out there stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = passes)]
pub struct Watched {
    /// The place of its last change in the order of changes.
    pub tag: i64,
    /// When it last changed: whole seconds, later at every change.
    pub changed_at: DateTime<Utc>,
}

/// A pass is handed out as it is shown here: known from now on. Where it showed something else before, its other wallets
/// are to be told.
///
/// # Errors
/// The database's.
pub fn watch(
    connection: &mut PgConnection,
    wallets: &Wallets,
    provider: Provider,
    shown: &Shown,
    now: DateTime<Utc>,
) -> QueryResult<Watched> {
    let content = shown.digest().to_vec();
    let id = (provider, shown.card.id);
    let known = |connection: &mut PgConnection| {
        passes::table
            .find(id)
            .select((Watched::as_select(), passes::content))
            .first::<(Watched, Vec<u8>)>(connection)
            .optional()
    };
    let found = match known(connection)? {
        Some(found) => Some(found),
        None => {
            diesel::sql_query(
                "INSERT INTO platform.wallet_passes (provider, card_id, member_id, content, tag, changed_at, created_at)
                 VALUES ($1, $2, $3, $4, nextval('platform.wallet_tags'), date_trunc('second', $5), $5)
                 ON CONFLICT DO NOTHING",
            )
            .bind::<Text, _>(provider)
            .bind::<SqlUuid, _>(shown.card.id)
            .bind::<SqlUuid, _>(shown.card.member_id)
            .bind::<Binary, _>(&content)
            .bind::<Timestamptz, _>(now)
            .execute(connection)?;
            known(connection)?
        }
    };
    match found {
        Some((watched, before)) if before == content => Ok(watched),
        _ => {
            record(connection, wallets, &[(provider, shown, 0)], now)?;
            passes::table.find(id).select(Watched::as_select()).first(connection)
        }
    }
}

/// A pass is out there no more.
///
/// # Errors
/// The database's.
pub fn forget(connection: &mut PgConnection, provider: Provider, card: CardId) -> QueryResult<()> {
    diesel::delete(passes::table.find((provider, card))).execute(connection)?;
    Ok(())
}

/// How a pass stands; `None` for one that was never handed out.
///
/// # Errors
/// The database's.
pub fn of_card(
    connection: &mut PgConnection,
    provider: Provider,
    card: CardId,
) -> QueryResult<Option<Watched>> {
    passes::table.find((provider, card)).select(Watched::as_select()).first(connection).optional()
}

/// Marks the passes of these members; how many. One statement, none without members.
///
/// # Errors
/// The database's.
pub fn mark(connection: &mut PgConnection, members: &[MemberId]) -> QueryResult<usize> {
    if members.is_empty() {
        return Ok(0);
    }
    // In order, so that two who mark wait for each other instead of deadlocking.
    diesel::sql_query(
        "UPDATE platform.wallet_passes SET mark = nextval('platform.wallet_marks')
         WHERE (provider, card_id) IN (SELECT provider, card_id FROM platform.wallet_passes
            WHERE member_id = ANY($1) ORDER BY provider, card_id FOR UPDATE)",
    )
    .bind::<Array<SqlUuid>, _>(members)
    .execute(connection)
}

/// Marks passes that no sweep of this day has marked yet, a bounded number: what changes by the calendar alone (a card's
/// last day, points about to expire) and what no event tells of (designs) is found within a day. How many.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, day: NaiveDate) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE platform.wallet_passes SET mark = nextval('platform.wallet_marks'), swept_on = $1
         WHERE (provider, card_id) IN (SELECT provider, card_id FROM platform.wallet_passes
            WHERE swept_on < $1 ORDER BY provider, card_id LIMIT $2 FOR UPDATE)",
    )
    .bind::<Date, _>(day)
    .bind::<BigInt, _>(SWEEP_MAX)
    .execute(connection)
}

/// Looks at what is marked, a bounded number of passes; how many.
///
/// # Errors
/// The database's.
pub fn look(app: &App, connection: &mut PgConnection) -> Result<usize, Problem> {
    let now = app.now();
    let marked: Vec<(Provider, CardId, i64)> = passes::table
        .filter(passes::mark.gt(passes::looked))
        .order(passes::mark)
        .limit(LOOK_MAX)
        .select((passes::provider, passes::card_id, passes::mark))
        .load(connection)?;
    if marked.is_empty() {
        return Ok(0);
    }
    let mut cards: Vec<CardId> = marked.iter().map(|(_, card, _)| *card).collect();
    cards.sort_unstable();
    cards.dedup();
    let shown: HashMap<CardId, Shown> = shown::of_cards(app, connection, &cards, now)?
        .into_iter()
        .map(|shown| (shown.card.id, shown))
        .collect();
    let seen: Vec<(Provider, &Shown, i64)> = marked
        .iter()
        .filter_map(|(provider, card, mark)| Some((*provider, shown.get(card)?, *mark)))
        .collect();
    record(connection, &app.wallets, &seen, now)?;
    Ok(seen.len())
}

/// Writes down what passes show, as it was seen after these marks: what changed gets a tag, and its wallets are to be
/// told.
fn record(
    connection: &mut PgConnection,
    wallets: &Wallets,
    seen: &[(Provider, &Shown, i64)],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let told: Vec<&str> = wallets.told().into_iter().map(Provider::as_str).collect();
    connection.transaction(|connection| {
        advisory::lock_in_transaction(connection, TAGS_LOCK)?;
        diesel::sql_query(include_str!("record.sql"))
            .bind::<Array<Text>, _>(seen.iter().map(|one| one.0.as_str()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(seen.iter().map(|one| one.1.card.id).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(seen.iter().map(|one| one.1.card.member_id).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(seen.iter().map(|one| one.1.digest().to_vec()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(seen.iter().map(|one| one.2).collect::<Vec<_>>())
            .bind::<Timestamptz, _>(now)
            .bind::<Array<Text>, _>(told)
            .execute(connection)?;
        Ok(())
    })
}
