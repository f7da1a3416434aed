//! Claims, cases and what the fraud watch counted follow their member.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;

use super::arrivals::count_all_in_play;
use crate::fraud::tally;
use crate::schema::ledger::{claims, fraud_cases};

/// Two members were found to be one: what `from` claimed, and what is suspected of their purchases, is `to`'s. The caller
/// holds the locks on both members' balances.
///
/// # Errors
/// The database's.
pub fn follow(connection: &mut PgConnection, from: MemberId, to: MemberId) -> QueryResult<()> {
    diesel::update(claims::table.filter(claims::member_id.eq(from)))
        .set(claims::member_id.eq(to))
        .execute(connection)?;
    diesel::update(fraud_cases::table.filter(fraud_cases::member_id.eq(from)))
        .set(fraud_cases::member_id.eq(to))
        .execute(connection)?;
    tally::follow(connection, (from.0, to.0))?;
    count_all_in_play(connection, &[from, to])
}
