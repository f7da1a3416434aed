//! What posting needs to know of the members of a batch, each as of their purchase's moment, in one statement.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Uuid};
use shared_kernel::ids::MemberId;

use crate::organisations::Path;
use crate::{Category, MemberStatus, RegistryError, day_of};

/// A member at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The member.
    pub member_id: MemberId,
    /// Standing then; `left` also for a moment before joining.
    pub status: MemberStatus,
    /// Codes of the organisation then and of all above it now, the root's first; empty outside the union.
    pub organisations: Vec<String>,
    /// What the member does.
    pub category: Category,
    /// Date of birth, if known.
    pub birth_date: Option<NaiveDate>,
    /// First day in the union.
    pub joined_on: NaiveDate,
}

/// Facts of each member at each moment, in the order asked; `None` for an unknown member. One prepared statement
/// whatever the number.
///
/// # Errors
/// The database's.
pub fn facts_for_posting(
    connection: &mut PgConnection,
    asked: &[(MemberId, DateTime<Utc>)],
) -> Result<Vec<Option<Facts>>, RegistryError> {
    let (members, days) = asked.iter().map(|(member, at)| (*member, day_of(*at))).unzip();
    let rows: Vec<Row> = FactsQuery { members, days }.load(connection)?;
    let mut facts: Vec<Option<Facts>> = asked.iter().map(|_| None).collect();
    for (place, member_id, standing, path, category, birth_date, joined_on) in rows {
        let slot = usize::try_from(place - 1).ok().and_then(|place| facts.get_mut(place));
        if let Some(slot) = slot {
            *slot = Some(Facts {
                member_id,
                status: standing.unwrap_or(MemberStatus::Left),
                organisations: path.map(Path::into_codes).unwrap_or_default(),
                category,
                birth_date,
                joined_on,
            });
        }
    }
    Ok(facts)
}

type Row = (i64, MemberId, Option<MemberStatus>, Option<Path>, Category, Option<NaiveDate>, NaiveDate);

/// The query as a fragment of its own: diesel prepares and caches it, which `sql_query` is not.
#[derive(QueryId)]
struct FactsQuery {
    members: Vec<MemberId>,
    days: Vec<NaiveDate>,
}

impl QueryFragment<Pg> for FactsQuery {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT asked.place, m.id, h.standing, o.path, m.category, m.birth_date, m.joined_on FROM unnest(",
        );
        out.push_bind_param::<Array<Uuid>, _>(&self.members)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Date>, _>(&self.days)?;
        out.push_sql(
            ") WITH ORDINALITY AS asked (member_id, day, place)
             JOIN registry.members AS m ON m.id = asked.member_id
             LEFT JOIN LATERAL (
                 SELECT s.standing, s.organisation_id FROM registry.memberships AS s
                 WHERE s.member_id = m.id AND s.from_on <= asked.day
                   AND (s.until_on IS NULL OR s.until_on > asked.day)
                 ORDER BY s.ordinal DESC LIMIT 1) AS h ON true
             LEFT JOIN registry.organisations AS o ON o.id = h.organisation_id",
        );
        Ok(())
    }
}

impl Query for FactsQuery {
    type SqlType =
        (BigInt, Uuid, Nullable<Text>, Nullable<Array<Nullable<Text>>>, Text, Nullable<Date>, Date);
}

impl RunQueryDsl<PgConnection> for FactsQuery {}
