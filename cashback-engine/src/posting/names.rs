//! Members without a row of balances: nothing of theirs can be locked, so their names are. Whoever posts for one holds the
//! name beside others who do; a merger holds both names alone, before it locks or makes rows.
//!
//! Posting asks for names while it holds rows, and so never waits for one: a name it can't have is being merged, and the
//! purchase is `Lost`, to be identified anew.

use std::collections::HashSet;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Integer, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;

use super::world::World;
use crate::enrolments::Standing;
use crate::schema::ledger::balances;
use crate::statement::statement;

/// The class of advisory locks on names: "name" in ASCII.
const NAMES: i32 = 0x6e61_6d65;

statement! {
    /// Holds names until the end of the transaction, beside others; whether each could be had.
    HoldNames { class: i32 => Integer, members: Vec<MemberId> => Array<SqlUuid> } -> (SqlUuid, Bool),
    "WITH given AS (SELECT ?::integer AS class)
     SELECT member_id, pg_try_advisory_xact_lock_shared(class, hashtext(member_id::text))
     FROM given, unnest(?) AS asked (member_id)"
}

/// Holds the names of these who have no row; who is being merged, or was since, stands as merged.
pub(super) fn hold(
    connection: &mut PgConnection,
    world: &mut World,
    asked: &HashSet<MemberId>,
) -> QueryResult<()> {
    let has_row = |member: &MemberId| world.members.get(member).is_some_and(|known| known.standing.is_some());
    let members: Vec<MemberId> = asked.iter().copied().filter(|member| !has_row(member)).collect();
    if members.is_empty() {
        return Ok(());
    }
    let held: Vec<(MemberId, bool)> =
        HoldNames { class: NAMES, members: members.clone() }.load(connection)?;
    let merged: Vec<MemberId> = balances::table
        .filter(balances::member_id.eq_any(members).and(balances::standing.eq(Standing::Merged)))
        .select(balances::member_id)
        .load(connection)?;
    let taken = held.into_iter().filter(|(_, held)| !held).map(|(member, _)| member);
    for member in taken.chain(merged) {
        world.member(member).standing = Some(Standing::Merged);
    }
    Ok(())
}

/// Holds two names alone until the end of the transaction, in their order: waits for whoever posts for them.
pub(crate) fn hold_alone(
    connection: &mut PgConnection,
    (one, other): (MemberId, MemberId),
) -> QueryResult<()> {
    let mut both = [one, other];
    both.sort();
    for member in both {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1, hashtext($2::text))")
            .bind::<Integer, _>(NAMES)
            .bind::<SqlUuid, _>(member)
            .execute(connection)?;
    }
    Ok(())
}
