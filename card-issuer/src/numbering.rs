//! Key versions of card numbers. A programme is a pair of digits with an FF1 key and a sequence of its own; the one
//! opened last issues. Numbers never run out in silence: below [`NUMBERS_LOW`] the operator is told to open the next.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use shared_kernel::advisory;

use crate::CardError;
use crate::schema::cards::programmes;

/// Numbers of one programme: nine free digits.
pub const NUMBERS: i64 = 1_000_000_000;
/// Numbers left at which the operator is told to open the next programme.
pub const NUMBERS_LOW: i64 = 1_000_000;
/// The key of the lock that makes openings one after another: "programm" in ASCII.
const OPENING_LOCK: i64 = 0x7072_6f67_7261_6d6d;

/// A programme: the two digits after `9643`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Programme(u8);

impl Programme {
    /// The first, opened by the migration.
    pub const FIRST: Self = Self(1);

    /// The one after it; `None` after 99.
    pub fn next(self) -> Option<Self> {
        (self.0 < 99).then(|| Self(self.0 + 1))
    }

    /// Its two ASCII digits.
    pub fn digits(self) -> [u8; 2] {
        [b'0' + self.0 / 10, b'0' + self.0 % 10]
    }

    /// The sequence its numbers' places come from.
    fn sequence(self) -> String {
        format!("cards.numbers_{self}")
    }
}

impl fmt::Display for Programme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// The programme that issues now.
///
/// # Errors
/// The database's.
pub fn current(connection: &mut PgConnection) -> Result<Programme, CardError> {
    let pair: String =
        programmes::table.order(programmes::pair.desc()).select(programmes::pair).first(connection)?;
    Ok(Programme(pair.parse().expect("a CHECK lets two digits in")))
}

/// Opens the programme after the present one; from then on it issues. Numbers of earlier ones stay good.
///
/// # Errors
/// [`CardError::NumbersExhausted`] after 99.
pub fn open_next(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Programme, CardError> {
    connection.transaction(|connection| {
        advisory::lock_in_transaction(connection, OPENING_LOCK)?;
        let next = current(connection)?.next().ok_or(CardError::NumbersExhausted)?;
        let (sequence, last) = (next.sequence(), NUMBERS - 1);
        diesel::sql_query(format!(
            "CREATE SEQUENCE {sequence} AS bigint MINVALUE 0 MAXVALUE {last} START 0 NO CYCLE"
        ))
        .execute(connection)?;
        diesel::insert_into(programmes::table)
            .values((programmes::pair.eq(next.to_string()), programmes::opened_at.eq(now)))
            .execute(connection)?;
        Ok(next)
    })
}

/// Takes the next `count` places of a programme. A place taken by a transaction that fails is lost, not reused.
pub(crate) fn next_places(
    connection: &mut PgConnection,
    programme: Programme,
    count: i64,
) -> QueryResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Place {
        #[diesel(sql_type = BigInt)]
        place: i64,
    }
    let places: Vec<Place> =
        diesel::sql_query("SELECT nextval($1::regclass) AS place FROM generate_series(1, $2)")
            .bind::<Text, _>(programme.sequence())
            .bind::<BigInt, _>(count)
            .load(connection)?;
    Ok(places.into_iter().map(|row| row.place).collect())
}

/// How many numbers the present programme has left. Below [`NUMBERS_LOW`] the operator must be warned.
///
/// # Errors
/// The database's.
pub fn numbers_left(connection: &mut PgConnection) -> Result<i64, CardError> {
    #[derive(QueryableByName)]
    struct Taken {
        #[diesel(sql_type = BigInt)]
        taken: i64,
    }
    let sequence = current(connection)?.sequence();
    let Taken { taken } = diesel::sql_query(format!(
        "SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END AS taken FROM {sequence}"
    ))
    .get_result(connection)?;
    Ok(NUMBERS - taken)
}
