//! The active members of organisations, by their ids alone: for work that goes over many of them.

use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use shared_kernel::ids::{MemberId, OrganisationId};

use crate::schema::registry::{members, organisations as organisation_table};
use crate::{MemberStatus, RegistryError};

/// The active members of these organisations themselves, in no order, `limit` at most.
///
/// # Errors
/// The database's.
pub fn active_of(
    connection: &mut PgConnection,
    organisations: &[OrganisationId],
    limit: i64,
) -> Result<Vec<MemberId>, RegistryError> {
    Ok(members::table
        .filter(members::organisation_id.eq_any(organisations).and(members::status.eq(MemberStatus::Active)))
        .select(members::id)
        .limit(limit)
        .load(connection)?)
}

/// The active members of a subtree in order of id, those after `after`: for issuing cards in chunks.
///
/// # Errors
/// The database's.
pub fn active_ids(
    connection: &mut PgConnection,
    root: &str,
    after: Option<MemberId>,
    limit: i64,
) -> Result<Vec<MemberId>, RegistryError> {
    let mut query = members::table
        .inner_join(organisation_table::table)
        .filter(members::status.eq(MemberStatus::Active))
        .filter(sql::<Bool>("path @> ARRAY[").bind::<Text, _>(root).sql("]"))
        .select(members::id)
        .into_boxed();
    if let Some(id) = after {
        query = query.filter(members::id.gt(id));
    }
    Ok(query.order(members::id).limit(limit).load(connection)?)
}
