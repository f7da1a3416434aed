//! Counts of a subtree on a day. Who belonged to which organisation and with what standing comes from the history, as do
//! the days organisations were opened and closed: a report of last January is the same today and next year, as far as
//! what was known of a person has not been corrected since. The tree itself has no history: what hung where, and on which
//! level, is counted as it is now, so that a moved organisation takes its past along into the new subtree.

use chrono::{Months, NaiveDate};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Text};
use serde::Serialize;

use crate::RegistryError;

/// Youth is up to this many full years.
const YOUTH_YEARS: u32 = 35;

/// A subtree's figures on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// The code of the subtree's root.
    pub organisation: String,
    /// The day.
    pub on: NaiveDate,
    /// Organisations by level, the root included.
    pub organisations: Organisations,
    /// Members by category, and some of them.
    pub members: Members,
}

/// Organisations by level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
#[allow(missing_docs, reason = "the levels of OrganisationKind")]
pub struct Organisations {
    #[diesel(sql_type = BigInt)]
    pub central: i64,
    #[diesel(sql_type = BigInt)]
    pub regional: i64,
    #[diesel(sql_type = BigInt)]
    pub territorial: i64,
    #[diesel(sql_type = BigInt)]
    pub primary: i64,
    #[diesel(sql_type = BigInt)]
    pub group: i64,
}

/// Members by category: `total` is the four together; `women` and `youth_35` are of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
#[allow(missing_docs, reason = "the values of Category")]
pub struct Members {
    #[diesel(sql_type = BigInt)]
    pub total: i64,
    #[diesel(sql_type = BigInt)]
    pub worker: i64,
    #[diesel(sql_type = BigInt)]
    pub student: i64,
    #[diesel(sql_type = BigInt)]
    pub pensioner: i64,
    #[diesel(sql_type = BigInt)]
    pub unspecified: i64,
    #[diesel(sql_type = BigInt)]
    pub women: i64,
    #[diesel(sql_type = BigInt)]
    pub youth_35: i64,
}

/// The figures of the subtree of `root` (a code) on a day. An unknown code gives zeros: the caller has looked it up.
///
/// # Errors
/// The database's.
pub fn of_subtree(
    connection: &mut PgConnection,
    root: &str,
    on: NaiveDate,
) -> Result<Statistics, RegistryError> {
    let organisations = diesel::sql_query(
        "SELECT count(*) FILTER (WHERE kind = 'central') AS central,
                count(*) FILTER (WHERE kind = 'regional') AS regional,
                count(*) FILTER (WHERE kind = 'territorial') AS territorial,
                count(*) FILTER (WHERE kind = 'primary') AS primary,
                count(*) FILTER (WHERE kind = 'group') AS \"group\"
         FROM registry.organisations
         WHERE path @> ARRAY[$1]
           AND (opened_on IS NULL OR opened_on <= $2) AND (closed_on IS NULL OR closed_on > $2)",
    )
    .bind::<Text, _>(root)
    .bind::<Date, _>(on)
    .get_result(connection)?;
    // Who is 35 on the day was born after the day 36 years before.
    let born_after = on.checked_sub_months(Months::new((YOUTH_YEARS + 1) * 12)).unwrap_or(NaiveDate::MIN);
    let members = diesel::sql_query(
        "SELECT count(*) AS total,
                count(*) FILTER (WHERE m.category = 'worker') AS worker,
                count(*) FILTER (WHERE m.category = 'student') AS student,
                count(*) FILTER (WHERE m.category = 'pensioner') AS pensioner,
                count(*) FILTER (WHERE m.category = 'unspecified') AS unspecified,
                count(*) FILTER (WHERE m.sex = 'female') AS women,
                count(*) FILTER (WHERE m.birth_date > $3) AS youth_35
         FROM registry.organisations AS o
         JOIN registry.memberships AS h ON h.organisation_id = o.id
         JOIN registry.members AS m ON m.id = h.member_id
         WHERE o.path @> ARRAY[$1] AND h.from_on <= $2 AND (h.until_on IS NULL OR h.until_on > $2)",
    )
    .bind::<Text, _>(root)
    .bind::<Date, _>(on)
    .bind::<Date, _>(born_after)
    .get_result(connection)?;
    Ok(Statistics { organisation: root.to_owned(), on, organisations, members })
}
