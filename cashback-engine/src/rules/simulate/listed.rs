//! Simulations as they are listed: who asked what, how it goes, and what it would cost. Whoever left the page that
//! started one finds it here.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable, Text};
use serde_json::Value;
use shared_kernel::ids::Uuid;
use shared_kernel::paging::{Limit, Page};

use super::queue::SimulationStatus;
use crate::ids::RuleId;
use crate::schema::ledger::{rule_versions, simulations};

/// Who asked what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The login that asked.
    pub by: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// The first day of purchases, as it was written.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The only partner, where one was named.
    pub partner: Option<String>,
    /// The names of the rules that would be new, changed or ended.
    pub rules: Vec<String>,
}

/// A simulation in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The identifier.
    pub id: Uuid,
    /// How it goes.
    pub status: SimulationStatus,
    /// How many purchases are judged.
    pub seen: i64,
    /// Of how many; `None` before they are counted.
    pub total: Option<i64>,
    /// What it would cost, once done: the report's own `cost`.
    pub cost: Option<Value>,
    /// Who asked what.
    pub asked: Asked,
}

#[derive(Queryable)]
struct Row {
    id: Uuid,
    status: SimulationStatus,
    seen: i64,
    total: Option<i64>,
    cost: Option<Value>,
    question: Value,
    created_by: Uuid,
    created_at: DateTime<Utc>,
}

/// Everybody's simulations, the newest first.
///
/// # Errors
/// The database's.
pub fn simulations(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: Limit,
) -> QueryResult<Page<Listed, Uuid>> {
    let mut query = simulations::table.into_boxed();
    if let Some(after) = after {
        query = query.filter(simulations::id.lt(after));
    }
    let rows: Vec<Row> = query
        .order(simulations::id.desc())
        .limit(limit.with_lookahead())
        .select((
            simulations::id,
            simulations::status,
            simulations::seen,
            simulations::total,
            sql::<Nullable<Jsonb>>("report -> 'cost'"),
            simulations::question,
            simulations::created_by,
            simulations::created_at,
        ))
        .load(connection)?;
    let page = Page::from_lookahead(rows, limit, |row| row.id);
    let names = names(connection, page.items.iter().map(|row| &row.question))?;
    Ok(page.map(|row| Listed {
        id: row.id,
        status: row.status,
        seen: row.seen,
        total: row.total,
        cost: row.cost,
        asked: said(&row.question, &names, (row.created_by, row.created_at)),
    }))
}

/// Who asked what by one of them.
///
/// # Errors
/// The database's.
pub fn asked(connection: &mut PgConnection, id: Uuid) -> QueryResult<Option<Asked>> {
    let found: Option<(Value, Uuid, DateTime<Utc>)> = simulations::table
        .find(id)
        .select((simulations::question, simulations::created_by, simulations::created_at))
        .first(connection)
        .optional()?;
    let Some((question, by, at)) = found else { return Ok(None) };
    let names = names(connection, std::iter::once(&question))?;
    Ok(Some(said(&question, &names, (by, at))))
}

/// The names of the rules that would end, by their latest versions: a question has those of drafts alone.
fn names<'q>(
    connection: &mut PgConnection,
    questions: impl Iterator<Item = &'q Value>,
) -> QueryResult<HashMap<RuleId, String>> {
    let ended: HashSet<RuleId> = questions.flat_map(ends).collect();
    if ended.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(RuleId, Option<String>)> = rule_versions::table
        .filter(rule_versions::rule_id.eq_any(ended))
        .distinct_on(rule_versions::rule_id)
        .order((rule_versions::rule_id, rule_versions::version.desc()))
        .select((rule_versions::rule_id, sql::<Nullable<Text>>("terms ->> 'name'")))
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|(rule, name)| Some((rule, name?))).collect())
}

fn ends(question: &Value) -> Vec<RuleId> {
    let named = question.get("end").and_then(Value::as_array).into_iter().flatten();
    named.filter_map(|rule| rule.as_str()?.parse().ok().map(RuleId)).collect()
}

/// A question in short. It is read loosely: one of an older program is listed all the same.
fn said(question: &Value, names: &HashMap<RuleId, String>, (by, at): (Uuid, DateTime<Utc>)) -> Asked {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let list = |name: &str| question.get(name).and_then(Value::as_array).into_iter().flatten();
    let drafts = list("drafts").filter_map(|draft| text(draft, "name"));
    let replaced = list("replace").filter_map(|one| text(one.get("rule")?, "name"));
    let ended = ends(question).into_iter().filter_map(|rule| names.get(&rule).cloned());
    Asked {
        by,
        at,
        from: text(question, "from").unwrap_or_default(),
        to: text(question, "to").unwrap_or_default(),
        partner: text(question, "partner"),
        rules: drafts.chain(replaced).chain(ended).collect(),
    }
}
