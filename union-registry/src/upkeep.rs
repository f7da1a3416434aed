//! Organisations corrected and closed. A closed one keeps its members' history and its place in statistics of days gone
//! by; nobody is admitted to it or moved there any more.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use shared_kernel::ids::OrganisationId;

use crate::fields::{self, RawOrganisation};
use crate::organisations::Organisation;
use crate::schema::registry::organisations;
use crate::text::search_key;
use crate::{RegistryError, day_of, imports};

/// What to change; what is absent stays, an empty text clears what may be empty.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the columns of the import, which the contract names")]
pub struct Changes<'a> {
    pub name: Option<&'a str>,
    pub kind: Option<&'a str>,
    pub inn: Option<&'a str>,
    pub region_code: Option<&'a str>,
}

/// Corrects an organisation; its code and place in the tree stay.
///
/// # Errors
/// [`RegistryError::UnknownOrganisation`], [`RegistryError::Invalid`].
pub fn update(
    connection: &mut PgConnection,
    id: OrganisationId,
    changes: &Changes<'_>,
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    connection.transaction(|connection| {
        let before = locked(connection, id)?;
        let raw = RawOrganisation {
            code: &before.code,
            name: changes.name.unwrap_or(&before.name),
            kind: changes.kind.unwrap_or(before.kind.as_str()),
            parent_code: "",
            inn: changes.inn.unwrap_or(before.inn.as_deref().unwrap_or_default()),
            region_code: changes.region_code.unwrap_or(before.region_code.as_deref().unwrap_or_default()),
        };
        let after = fields::organisation(&raw).map_err(RegistryError::Invalid)?;
        diesel::update(organisations::table.find(id))
            .set((
                organisations::name.eq(&after.name),
                organisations::search_name.eq(search_key(&[&after.name, &after.code])),
                organisations::kind.eq(after.kind),
                organisations::inn.eq(&after.inn),
                organisations::region_code.eq(&after.region_code),
                organisations::updated_at.eq(now),
            ))
            .execute(connection)?;
        Ok(())
    })
}

/// Closes an organisation: `on` is its first day closed. Whoever belongs there is moved first, and what lies below it is
/// closed first.
///
/// # Errors
/// [`RegistryError::UnknownOrganisation`], [`RegistryError::Closed`], [`RegistryError::NotEmpty`],
/// [`RegistryError::WrongDay`]; [`RegistryError::Importing`] while a file comes in, which could bring somebody there.
pub fn close(
    connection: &mut PgConnection,
    id: OrganisationId,
    on: NaiveDate,
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    connection.transaction(|connection| {
        if !imports::keep_out(connection)? {
            return Err(RegistryError::Importing);
        }
        let before = locked(connection, id)?;
        if before.closed_on.is_some() {
            return Err(RegistryError::Closed);
        }
        if on > day_of(now) {
            return Err(RegistryError::WrongDay("in the future"));
        }
        if before.opened_on.is_some_and(|opened| on < opened) {
            return Err(RegistryError::WrongDay("before the organisation was opened"));
        }
        let (members, open): (Option<i64>, i64) = organisations::table
            .filter(sql::<Bool>("path @> ARRAY[").bind::<Text, _>(&before.code).sql("]"))
            .select((
                diesel::dsl::sum(organisations::member_count),
                sql::<BigInt>("count(*) FILTER (WHERE closed_on IS NULL)"),
            ))
            .first(connection)?;
        if members.unwrap_or_default() > 0 || open > 1 {
            return Err(RegistryError::NotEmpty);
        }
        diesel::update(organisations::table.find(id))
            .set((organisations::closed_on.eq(on), organisations::updated_at.eq(now)))
            .execute(connection)?;
        Ok(())
    })
}

/// An organisation, locked against whoever is being counted into it.
fn locked(connection: &mut PgConnection, id: OrganisationId) -> Result<Organisation, RegistryError> {
    organisations::table
        .find(id)
        .select(Organisation::as_select())
        .for_update()
        .first(connection)
        .optional()?
        .ok_or(RegistryError::UnknownOrganisation(id))
}
