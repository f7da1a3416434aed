//! How much of a rule's caps is used, reckoned from the purchases themselves: when a version brings a cap that was
//! not counted before, and when the ledger is verified.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};

use super::terms::{CapPeriod, Caps};
use crate::ids::RuleId;
use crate::schema::ledger::programme;

/// What each posted purchase has left of each rule's cashback: `rule_id, member_id, occurred_at, kept`.
pub(crate) const GRANTS: &str = "SELECT (given.rule ->> 'r')::uuid AS rule_id, p.member_id, p.occurred_at,
        coalesce((p.kept -> 'r' ->> (given.place - 1)::integer)::bigint, (given.rule ->> 'g')::bigint) AS kept
     FROM ledger.purchases AS p, jsonb_array_elements(p.terms -> 'a') WITH ORDINALITY AS given (rule, place)
     WHERE p.status NOT IN ('authorized', 'voided')";

/// Starts counting the caps of a version that is being approved, from what its rule gave before.
pub(crate) fn start(connection: &mut PgConnection, rule: RuleId, caps: &Caps) -> QueryResult<()> {
    if caps.budget.is_some() {
        diesel::sql_query(format!(
            "INSERT INTO ledger.budget_usage (rule_id, used)
             SELECT $1, coalesce(sum(kept), 0) FROM ({GRANTS}) AS given WHERE rule_id = $1
             ON CONFLICT (rule_id) DO UPDATE SET used = excluded.used"
        ))
        .bind::<SqlUuid, _>(rule)
        .execute(connection)?;
    }
    if let Some((_, span)) = caps.per_member {
        member_caps(connection, rule, span)?;
    }
    Ok(())
}

fn member_caps(connection: &mut PgConnection, rule: RuleId, span: CapPeriod) -> QueryResult<()> {
    let zone: String = programme::table.select(programme::zone).first(connection)?;
    diesel::sql_query(format!(
        "INSERT INTO ledger.cap_usage (member_id, rule_id, span, period, used)
         SELECT member_id, rule_id, $2, date_trunc($2, occurred_at AT TIME ZONE $3)::date, sum(kept)
         FROM ({GRANTS}) AS given WHERE rule_id = $1 GROUP BY 1, 2, 3, 4
         ON CONFLICT (member_id, rule_id, span, period) DO UPDATE SET used = excluded.used"
    ))
    .bind::<SqlUuid, _>(rule)
    .bind::<Text, _>(span)
    .bind::<Text, _>(zone)
    .execute(connection)?;
    Ok(())
}
