//! Caps and budgets: what is used of them is what purchases have of it, and each grant fitted the room there was when
//! it was posted. Grants and what refunds gave back of them are gathered by the walk into a table of this session, so
//! that memory doesn't grow with them.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;

use super::{Findings, Row};
use crate::ids::{PostingId, RuleId};
use crate::rules::Book;
use crate::rules::terms::CapPeriod;
use crate::statement::statement;

statement! {
    /// Puts grants aside.
    Gather {
        rules: Vec<RuleId> => Array<SqlUuid>, versions: Vec<i32> => Array<Integer>,
        members: Vec<MemberId> => Array<SqlUuid>, occurred: Vec<DateTime<Utc>> => Array<Timestamptz>,
        places: Vec<Option<i64>> => Array<Nullable<BigInt>>, postings: Vec<PostingId> => Array<SqlUuid>,
        amounts: Vec<i64> => Array<BigInt>, granted: Vec<bool> => Array<Bool>,
    },
    "INSERT INTO audit_grants SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?)"
}

/// Makes the table, before the transaction that only reads.
pub(super) fn prepare(connection: &mut PgConnection) -> QueryResult<()> {
    connection.batch_execute(
        "DROP TABLE IF EXISTS pg_temp.audit_grants;
         CREATE TEMP TABLE audit_grants (rule_id uuid, version integer, member_id uuid, occurred_at timestamptz,
            place bigint, posting_id uuid, amount bigint, granted boolean)",
    )
}

/// Removes it again.
pub(super) fn clear(connection: &mut PgConnection) -> QueryResult<()> {
    connection.batch_execute("DROP TABLE IF EXISTS pg_temp.audit_grants")
}

/// A grant (above 0) or what a refund gave back of one (below).
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub rule: RuleId,
    pub version: i32,
    pub member: MemberId,
    pub occurred_at: DateTime<Utc>,
    pub place: Option<i64>,
    pub posting: PostingId,
    pub kopecks: i64,
}

impl Gather {
    pub(super) fn push(&mut self, moved: Moved) {
        if moved.kopecks == 0 {
            return;
        }
        self.rules.push(moved.rule);
        self.versions.push(moved.version);
        self.members.push(moved.member);
        self.occurred.push(moved.occurred_at);
        self.places.push(moved.place);
        self.postings.push(moved.posting);
        self.amounts.push(moved.kopecks);
        self.granted.push(moved.kopecks > 0);
    }

    /// Stores what was pushed.
    pub(super) fn flush(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        if !self.rules.is_empty() {
            std::mem::take(self).execute(connection)?;
        }
        Ok(())
    }
}

/// The caps of a version, as rows of a query.
#[derive(Default)]
struct Limits {
    rules: Vec<RuleId>,
    versions: Vec<i32>,
    per_member: Vec<Option<i64>>,
    spans: Vec<Option<CapPeriod>>,
    budgets: Vec<Option<i64>>,
}

fn limits(book: &Book) -> Limits {
    let mut limits = Limits::default();
    for version in book.versions() {
        let caps = &version.terms.caps;
        limits.rules.push(version.rule);
        limits.versions.push(version.version);
        limits.per_member.push(caps.per_member.map(|(amount, _)| amount.kopecks()));
        limits.spans.push(caps.per_member.map(|(_, span)| span));
        limits.budgets.push(caps.budget.map(|budget| budget.kopecks()));
    }
    limits
}

/// Whether a rule ever had a cap or budget: then its grants are gathered.
pub(super) fn limited(book: &Book, rule: RuleId) -> bool {
    book.versions().any(|version| {
        let caps = &version.terms.caps;
        version.rule == rule && (caps.per_member.is_some() || caps.budget.is_some())
    })
}

/// Checks all that was gathered; the whole history was.
pub(super) fn check(connection: &mut PgConnection, findings: &mut Findings, book: &Book) -> QueryResult<()> {
    connection.batch_execute("ANALYZE audit_grants")?;
    used(connection, findings, book)?;
    fitted(connection, findings, book, MEMBER_CAPS, "a grant did not fit the room of a member's cap")?;
    fitted(connection, findings, book, BUDGETS, "a grant did not fit the room of a budget")
}

/// Every cap that is counted for a rule: usage rows and grants, whichever there are.
fn used(connection: &mut PgConnection, findings: &mut Findings, book: &Book) -> QueryResult<()> {
    let limits = limits(book);
    let members: Vec<Row> = diesel::sql_query(
        "WITH spans AS (SELECT DISTINCT rule_id, span FROM unnest($1, $2) AS l (rule_id, span) WHERE span IS NOT NULL),
         given AS (
            SELECT member_id, rule_id, span, date_trunc(span, occurred_at AT TIME ZONE $3)::date AS period,
                sum(amount) AS kept
            FROM audit_grants JOIN spans USING (rule_id) GROUP BY 1, 2, 3, 4)
         SELECT format('member %s, rule %s, %s %s: used %s, given %s', member_id, rule_id, span, period,
            coalesce(c.used, 0), coalesce(g.kept, 0)) AS row
         FROM (SELECT c.* FROM ledger.cap_usage AS c JOIN spans USING (rule_id, span)) AS c
         FULL JOIN given AS g USING (member_id, rule_id, span, period)
         WHERE coalesce(c.used, 0) <> coalesce(g.kept, 0) LIMIT 20",
    )
    .bind::<Array<SqlUuid>, _>(&limits.rules)
    .bind::<Array<Nullable<Text>>, _>(&limits.spans)
    .bind::<Text, _>(book.zone.name())
    .load(connection)?;
    findings.rows(6, "what is used of a member's cap is not what purchases have of it", members);
    let budgets: Vec<Row> = diesel::sql_query(
        "WITH limited AS (SELECT DISTINCT rule_id FROM unnest($1, $2) AS l (rule_id, budget) WHERE budget IS NOT NULL)
         SELECT format('rule %s: used %s, given %s', rule_id, b.used, coalesce(g.kept, 0)) AS row
         FROM limited LEFT JOIN ledger.budget_usage AS b USING (rule_id)
         LEFT JOIN (SELECT rule_id, sum(amount) AS kept FROM audit_grants GROUP BY 1) AS g USING (rule_id)
         WHERE b.used IS DISTINCT FROM coalesce(g.kept, 0) LIMIT 20",
    )
    .bind::<Array<SqlUuid>, _>(&limits.rules)
    .bind::<Array<Nullable<BigInt>>, _>(&limits.budgets)
    .load(connection)?;
    findings.rows(6, "what is used of a budget is not what purchases have of it", budgets);
    Ok(())
}

/// Members who were merged have the used room of both: above a cap is no finding there.
const MEMBER_CAPS: &str = "WITH limits AS (SELECT * FROM unnest($1, $2, $3, $4, $5) AS l (rule_id, version, per_member,
        span, budget)),
     spans AS (SELECT DISTINCT rule_id, span FROM limits WHERE span IS NOT NULL),
     merged AS (SELECT DISTINCT into_id AS member_id FROM ledger.merged),
     ordered AS (
        SELECT g.*, s.span, sum(g.amount) OVER (PARTITION BY g.member_id, g.rule_id, s.span,
            date_trunc(s.span, g.occurred_at AT TIME ZONE $6) ORDER BY g.place NULLS FIRST, g.posting_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS used
        FROM audit_grants AS g JOIN spans AS s USING (rule_id)
        WHERE g.member_id NOT IN (SELECT member_id FROM merged WHERE member_id IS NOT NULL))
     SELECT format('member %s, rule %s, posting %s: %s used of %s', o.member_id, o.rule_id, o.posting_id, o.used,
        l.per_member) AS row
     FROM ordered AS o JOIN limits AS l USING (rule_id, version, span)
     WHERE o.granted AND o.used > l.per_member LIMIT 20";

const BUDGETS: &str =
    "WITH limits AS (SELECT * FROM unnest($1, $2, $3, $4, $5) AS l (rule_id, version, per_member,
        span, budget) WHERE $6 <> ''),
     ordered AS (
        SELECT g.*, sum(g.amount) OVER (PARTITION BY g.rule_id ORDER BY g.place NULLS FIRST, g.posting_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS used
        FROM audit_grants AS g WHERE g.rule_id IN (SELECT rule_id FROM limits WHERE budget IS NOT NULL))
     SELECT format('rule %s, posting %s: %s used of %s', o.rule_id, o.posting_id, o.used, l.budget) AS row
     FROM ordered AS o JOIN limits AS l USING (rule_id, version)
     WHERE o.granted AND o.used > l.budget LIMIT 20";

fn fitted(
    connection: &mut PgConnection,
    findings: &mut Findings,
    book: &Book,
    sql: &str,
    what: &'static str,
) -> QueryResult<()> {
    let limits = limits(book);
    let rows: Vec<Row> = diesel::sql_query(sql)
        .bind::<Array<SqlUuid>, _>(limits.rules)
        .bind::<Array<Integer>, _>(limits.versions)
        .bind::<Array<Nullable<BigInt>>, _>(limits.per_member)
        .bind::<Array<Nullable<Text>>, _>(limits.spans)
        .bind::<Array<Nullable<BigInt>>, _>(limits.budgets)
        .bind::<Text, _>(book.zone.name())
        .load(connection)?;
    findings.rows(6, what, rows);
    Ok(())
}
