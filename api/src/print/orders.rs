//! Cards for a whole organisation: how many would be ordered, and the orders worked off, a chunk of members a transaction,
//! by the thread that works files off.

use card_issuer::CardError;
use card_issuer::bulk::{self, Announce};
use card_issuer::cards::CardKind;
use card_issuer::orders;
use chrono::{DateTime, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use union_registry::{members, organisations};

use crate::app::App;
use crate::files::imports::CHUNK;
use crate::problem::Problem;

/// Members looked at before somebody is told how many cards would be ordered.
pub const LOOKED_AT_MAX: usize = 100_000;
/// The slug of an order that was given up since there are no numbers left.
const NO_NUMBERS: &str = "numbers-exhausted";

/// How many cards an order would make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanting {
    /// Active members looked at.
    pub members: usize,
    /// Of them without a card of the kind.
    pub wanting: usize,
    /// There are more members than were looked at.
    pub more: bool,
}

/// Counts who of a subtree has no card of a kind, among [`LOOKED_AT_MAX`] members at most.
///
/// # Errors
/// The database's.
pub fn wanting(
    connection: &mut PgConnection,
    organisation: &str,
    kind: CardKind,
    now: DateTime<Utc>,
) -> Result<Wanting, Problem> {
    let (mut found, mut after) = (Wanting::default(), None);
    loop {
        let chunk = members::active_ids(connection, organisation, after, CHUNK)?;
        let Some(last) = chunk.last() else { return Ok(found) };
        if found.members >= LOOKED_AT_MAX {
            return Ok(Wanting { more: true, ..found });
        }
        found.members += chunk.len();
        found.wanting += bulk::wanting(connection, kind, &chunk, now)?;
        after = Some(*last);
    }
}

/// Works a chunk of the oldest order off; whether there was one.
///
/// # Errors
/// The database's, after which it goes on where it was.
pub fn work_off(app: &App) -> Result<bool, Problem> {
    let mut connection = app.connection()?;
    let now = app.now();
    connection.transaction(|connection| {
        let Some(order) = orders::next(connection)? else { return Ok(false) };
        let code = organisations::find(connection, order.organisation_id)?.code;
        let members = members::active_ids(connection, &code, order.after_member, CHUNK)?;
        let Some(last) = members.last().copied() else {
            orders::end(connection, order.id, None, now)?;
            return Ok(true);
        };
        let keys = &app.derived.issuer;
        match bulk::issue_missing(connection, keys, (order.kind, Announce::Each), &members, now) {
            Ok(issued) => orders::advance(connection, order.id, (issued, last))?,
            Err(CardError::NumbersExhausted) => {
                tracing::error!(order = %order.id, "an order is given up: card numbers are exhausted");
                orders::end(connection, order.id, Some(NO_NUMBERS), now)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    })
}
