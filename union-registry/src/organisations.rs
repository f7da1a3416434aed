//! The union's tree. Each organisation carries the codes from the root down to itself, so that ancestors are read with
//! the row and a subtree is one indexed condition.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::dsl::sql;
use diesel::pg::{Pg, PgConnection, PgValue};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid};
use shared_kernel::ids::{MemberId, OrganisationId};
use shared_kernel::paging::{Limit, Page};

use crate::fields::OrganisationFields;
use crate::schema::registry::{members, organisations};
use crate::text::{like_literal, search_key, sought_key};
use crate::{OrganisationKind, RegistryError};

/// Levels a tree may have; far above any real one, so that paths stay short.
pub const DEPTH_MAX: usize = 16;

/// An organisation as others name it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = organisations)]
pub struct OrganisationRef {
    /// Its id.
    pub id: OrganisationId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// Codes from the root down to an organisation itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, FromSqlRow)]
pub struct Path(Vec<String>);

impl Path {
    /// The codes, the root's first, the organisation's own last.
    pub fn codes(&self) -> &[String] {
        &self.0
    }

    /// The codes, owned.
    pub fn into_codes(self) -> Vec<String> {
        self.0
    }

    /// The code of the organisation right above, if any.
    pub fn parent(&self) -> Option<&str> {
        self.0.iter().rev().nth(1).map(String::as_str)
    }
}

impl FromSql<Array<Nullable<Text>>, Pg> for Path {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let codes = <Vec<Option<String>> as FromSql<Array<Nullable<Text>>, Pg>>::from_sql(value)?;
        Ok(Self(codes.into_iter().flatten().collect()))
    }
}

/// An organisation.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = organisations)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its code, unique.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its level.
    pub kind: OrganisationKind,
    /// The one above.
    pub parent_id: Option<OrganisationId>,
    /// Codes from the root down to its own.
    pub path: Path,
    /// Taxpayer number.
    pub inn: Option<String>,
    /// Region.
    pub region_code: Option<String>,
    /// First day.
    pub opened_on: Option<NaiveDate>,
    /// First day after its last.
    pub closed_on: Option<NaiveDate>,
    /// Members of its own, those below not counted.
    pub member_count: i32,
}

/// An organisation in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The organisation.
    pub organisation: Organisation,
    /// Members of its whole subtree.
    pub members: i64,
    /// Organisations right below.
    pub children: i64,
}

/// What to list. Empty: everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this subtree, its root included.
    pub within: Option<String>,
    /// Only those right below.
    pub parent: Option<OrganisationId>,
    /// Only those whose name or code contains this text, each character literal.
    pub query: Option<String>,
}

/// Lists organisations by code, those after `after`.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    filter: &Filter,
    after: Option<&str>,
    limit: Limit,
) -> Result<Page<Listed, String>, RegistryError> {
    let mut query = organisations::table.select(Organisation::as_select()).into_boxed();
    if let Some(root) = &filter.within {
        query = query.filter(sql::<Bool>("path @> ARRAY[").bind::<Text, _>(root).sql("]"));
    }
    if let Some(parent) = filter.parent {
        query = query.filter(organisations::parent_id.eq(parent));
    }
    if let Some(text) = &filter.query {
        query =
            query.filter(organisations::search_name.like(format!("%{}%", like_literal(&sought_key(text)))));
    }
    if let Some(code) = after {
        query = query.filter(organisations::code.gt(code));
    }
    let rows = query.order(organisations::code).limit(limit.with_lookahead()).load(connection)?;
    let page = Page::from_lookahead(rows, limit, |row: &Organisation| row.code.clone());
    let counts = counts(connection, &page.items)?;
    Ok(page.map(|organisation| {
        let (members, children) = counts.get(&organisation.id).copied().unwrap_or_default();
        Listed { organisation, members, children }
    }))
}

/// Members of the subtree and organisations right below, for each of a page.
fn counts(
    connection: &mut PgConnection,
    listed: &[Organisation],
) -> QueryResult<HashMap<OrganisationId, (i64, i64)>> {
    #[derive(QueryableByName)]
    struct Counts {
        #[diesel(sql_type = Uuid)]
        id: OrganisationId,
        #[diesel(sql_type = BigInt)]
        members: i64,
        #[diesel(sql_type = BigInt)]
        children: i64,
    }
    let (ids, codes): (Vec<OrganisationId>, Vec<&str>) =
        listed.iter().map(|organisation| (organisation.id, organisation.code.as_str())).unzip();
    let rows: Vec<Counts> = diesel::sql_query(
        "SELECT asked.id,
                (SELECT coalesce(sum(below.member_count), 0) FROM registry.organisations AS below
                 WHERE below.path @> ARRAY[asked.code])::bigint AS members,
                (SELECT count(*) FROM registry.organisations AS child WHERE child.parent_id = asked.id) AS children
         FROM unnest($1, $2) AS asked (id, code)",
    )
    .bind::<Array<Uuid>, _>(ids)
    .bind::<Array<Text>, _>(codes)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| (row.id, (row.members, row.children))).collect())
}

/// An organisation with its counts, by code.
///
/// # Errors
/// The database's.
pub fn by_code(connection: &mut PgConnection, code: &str) -> Result<Option<Listed>, RegistryError> {
    let found: Option<Organisation> = organisations::table
        .filter(organisations::code.eq(code))
        .select(Organisation::as_select())
        .first(connection)
        .optional()?;
    let Some(organisation) = found else { return Ok(None) };
    let counts = counts(connection, std::slice::from_ref(&organisation))?;
    let (members, children) = counts.get(&organisation.id).copied().unwrap_or_default();
    Ok(Some(Listed { organisation, members, children }))
}

/// An organisation by id.
///
/// # Errors
/// [`RegistryError::UnknownOrganisation`].
pub fn find(connection: &mut PgConnection, id: OrganisationId) -> Result<Organisation, RegistryError> {
    organisations::table
        .find(id)
        .select(Organisation::as_select())
        .first(connection)
        .optional()?
        .ok_or(RegistryError::UnknownOrganisation(id))
}

/// The ids of a subtree's organisations, its root included.
///
/// # Errors
/// The database's.
pub fn subtree_ids(connection: &mut PgConnection, root: &str) -> Result<Vec<OrganisationId>, RegistryError> {
    Ok(organisations::table
        .filter(sql::<Bool>("path @> ARRAY[").bind::<Text, _>(root).sql("]"))
        .select(organisations::id)
        .load(connection)?)
}

/// Organisations by their ids, in no order; unknown ids are absent.
///
/// # Errors
/// The database's.
pub fn by_ids(
    connection: &mut PgConnection,
    ids: &[OrganisationId],
) -> Result<Vec<OrganisationRef>, RegistryError> {
    Ok(organisations::table
        .filter(organisations::id.eq_any(ids))
        .select(OrganisationRef::as_select())
        .load(connection)?)
}

/// The names of organisations by their codes; unknown codes are absent.
///
/// # Errors
/// The database's.
pub fn named(connection: &mut PgConnection, codes: &[String]) -> Result<Vec<OrganisationRef>, RegistryError> {
    Ok(organisations::table
        .filter(organisations::code.eq_any(codes))
        .select(OrganisationRef::as_select())
        .load(connection)?)
}

/// The union an organisation belongs to: the root of its tree.
///
/// # Errors
/// [`RegistryError::UnknownOrganisation`].
pub fn root_of(connection: &mut PgConnection, id: OrganisationId) -> Result<OrganisationRef, RegistryError> {
    let path = find(connection, id)?.path;
    let root = path.codes().first().cloned().unwrap_or_default();
    named(connection, &[root])?.pop().ok_or(RegistryError::UnknownOrganisation(id))
}

/// Whether an organisation is `root` or lies below it. `false` when either does not exist.
///
/// # Errors
/// The database's.
pub fn is_within(
    connection: &mut PgConnection,
    organisation: OrganisationId,
    root: OrganisationId,
) -> Result<bool, RegistryError> {
    let (inner, outer) = diesel::alias!(organisations as inner, organisations as outer);
    let paths: Option<(Path, String)> = inner
        .inner_join(outer.on(outer.field(organisations::id).eq(root)))
        .filter(inner.field(organisations::id).eq(organisation))
        .select((inner.field(organisations::path), outer.field(organisations::code)))
        .first(connection)
        .optional()?;
    Ok(paths.is_some_and(|(path, root)| path.codes().contains(&root)))
}

/// Which of these members belong to the subtree of a code now. One statement.
///
/// # Errors
/// The database's.
pub fn members_within(
    connection: &mut PgConnection,
    root: &str,
    ids: &[MemberId],
) -> Result<HashSet<MemberId>, RegistryError> {
    let rows: Vec<(MemberId, Path)> = members::table
        .inner_join(organisations::table.on(organisations::id.eq(members::organisation_id)))
        .filter(members::id.eq_any(ids))
        .select((members::id, organisations::path))
        .load(connection)?;
    let inside = rows.into_iter().filter(|(_, path)| path.codes().iter().any(|code| code == root));
    Ok(inside.map(|(member, _)| member).collect())
}

/// The paths of organisations, in one statement.
///
/// # Errors
/// The database's.
pub fn paths(
    connection: &mut PgConnection,
    ids: &[OrganisationId],
) -> Result<HashMap<OrganisationId, Path>, RegistryError> {
    let rows: Vec<(OrganisationId, Path)> = organisations::table
        .filter(organisations::id.eq_any(ids))
        .select((organisations::id, organisations::path))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Adds an organisation below its parent, or a root.
///
/// # Errors
/// [`RegistryError::Invalid`] `unknown_parent` or `too_deep`; [`RegistryError::CodeTaken`].
pub fn create(
    connection: &mut PgConnection,
    fields: &OrganisationFields,
    now: DateTime<Utc>,
) -> Result<Organisation, RegistryError> {
    connection.transaction(|connection| {
        let parent = match &fields.parent_code {
            None => None,
            Some(code) => Some(parent(connection, code)?),
        };
        let above = parent.as_ref().map(|organisation| organisation.path.codes()).unwrap_or_default();
        if above.len() >= DEPTH_MAX {
            return Err(RegistryError::fault("parent_code", "too_deep"));
        }
        let path: Vec<Option<&str>> =
            above.iter().map(String::as_str).chain([fields.code.as_str()]).map(Some).collect();
        let created = diesel::insert_into(organisations::table)
            .values((
                organisations::id.eq(OrganisationId::generate()),
                organisations::code.eq(&fields.code),
                organisations::name.eq(&fields.name),
                organisations::search_name.eq(search_key(&[&fields.name, &fields.code])),
                organisations::kind.eq(fields.kind),
                organisations::parent_id.eq(parent.as_ref().map(|organisation| organisation.id)),
                organisations::path.eq(path),
                organisations::inn.eq(&fields.inn),
                organisations::region_code.eq(&fields.region_code),
                organisations::opened_on.eq(crate::day_of(now)),
                organisations::created_at.eq(now),
                organisations::updated_at.eq(now),
            ))
            .returning(Organisation::as_returning())
            .get_result(connection);
        created.map_err(|error| match error {
            DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => RegistryError::CodeTaken,
            other => other.into(),
        })
    })
}

fn parent(connection: &mut PgConnection, code: &str) -> Result<Organisation, RegistryError> {
    // Locked against a move of the parent while a child takes over its path.
    organisations::table
        .filter(organisations::code.eq(code))
        .filter(organisations::closed_on.is_null())
        .select(Organisation::as_select())
        .for_share()
        .first(connection)
        .optional()?
        .ok_or(RegistryError::fault("parent_code", "unknown_parent"))
}

/// Adds to organisations' own member counts, in order of id so that two transfers never deadlock; a closed one takes
/// nobody.
pub(crate) fn count_members(
    connection: &mut PgConnection,
    changes: &[(OrganisationId, i32)],
) -> Result<(), RegistryError> {
    let mut sorted: Vec<(OrganisationId, i32)> =
        changes.iter().copied().filter(|(_, change)| *change != 0).collect();
    sorted.sort_unstable();
    for (organisation, change) in sorted {
        // Nobody comes into a closed one, whoever closed it meanwhile.
        let open = organisations::closed_on.is_null().or(change.is_negative().into_sql::<Bool>());
        let counted = diesel::update(organisations::table.find(organisation).filter(open))
            .set(organisations::member_count.eq(organisations::member_count + change))
            .execute(connection)?;
        if counted == 0 {
            return Err(RegistryError::Closed);
        }
    }
    Ok(())
}
