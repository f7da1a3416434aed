//! How much of a rule's caps is used, reckoned from the purchases themselves: when a version brings a cap that was
//! not counted before, and when the ledger is verified.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};

use super::terms::{CapPeriod, Caps};
use crate::ids::RuleId;
use crate::schema::ledger::{budget_usage, programme};

/// What each posted purchase has left of each rule's cashback: `rule_id, member_id, occurred_at, kept`.
pub(crate) const GRANTS: &str = "SELECT (given.rule ->> 'r')::uuid AS rule_id, p.member_id, p.occurred_at,
        coalesce((p.kept -> 'r' ->> (given.place - 1)::integer)::bigint, (given.rule ->> 'g')::bigint) AS kept
     FROM ledger.purchases AS p, jsonb_array_elements(p.terms -> 'a') WITH ORDINALITY AS given (rule, place)
     WHERE p.status NOT IN ('authorized', 'voided')";

/// Starts counting the caps of a version that is being approved, from what its rule gave before. Those that an earlier
/// approved version has are counted already. `before` are the caps of those.
pub(crate) fn start(
    connection: &mut PgConnection,
    rule: RuleId,
    caps: &Caps,
    before: &[Caps],
) -> QueryResult<()> {
    let counted = |span| before.iter().filter_map(|caps| caps.per_member).any(|(_, other)| other == span);
    let new_span = caps.per_member.map(|(_, span)| span).filter(|span| !counted(*span));
    let new_budget = caps.budget.is_some() && before.iter().all(|caps| caps.budget.is_none());
    if before.is_empty() {
        return first(connection, rule, new_budget);
    }
    if new_span.is_some() || new_budget {
        // What is being posted under the earlier versions is finished first, and counted with the rest. In the order in
        // which a purchase takes them; captures and refunds take the second alone, and look at the revision under it.
        connection.batch_execute(
            "LOCK TABLE ledger.receipts IN SHARE MODE; LOCK TABLE ledger.balances IN EXCLUSIVE MODE",
        )?;
    }
    if new_budget {
        diesel::sql_query(format!(
            "INSERT INTO ledger.budget_usage (rule_id, used)
             SELECT $1, coalesce(sum(kept), 0) FROM ({GRANTS}) AS given WHERE rule_id = $1
             ON CONFLICT (rule_id) DO UPDATE SET used = excluded.used"
        ))
        .bind::<SqlUuid, _>(rule)
        .execute(connection)?;
    }
    match new_span {
        Some(span) => member_caps(connection, rule, span),
        None => Ok(()),
    }
}

/// A rule that never gave anything has used nothing; a budget needs its row all the same, to be locked.
fn first(connection: &mut PgConnection, rule: RuleId, budget: bool) -> QueryResult<()> {
    if budget {
        diesel::insert_into(budget_usage::table)
            .values((budget_usage::rule_id.eq(rule), budget_usage::used.eq(0)))
            .execute(connection)?;
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
