//! `ledger verify`: money.md's "What must always hold", over live data on one snapshot. What needs the rules is
//! recomputed by the functions that post, as a stream; the rest is SQL, one query an invariant.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;
use shared_kernel::ids::Uuid;
use shared_kernel::money::Money;

use super::standing;
use crate::ids::PurchaseId;
use crate::posting::decide::commission;
use crate::purchases::{PurchaseRecord, PurchaseStatus};
use crate::refunds::{After, residual::residual};
use crate::rules::evaluate::{capped, earned};
use crate::rules::usage::GRANTS;
use crate::rules::{Book, BookCache};
use crate::schema::ledger::purchases;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether everything holds.
    pub ok: bool,
    /// How many transfers were looked at.
    pub transfers: i64,
    /// How many purchases were judged anew.
    pub purchases: i64,
    /// What doesn't hold.
    pub findings: Vec<Finding>,
}

/// Something that doesn't hold.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The number in money.md's list.
    pub invariant: u8,
    /// What is wrong, in words.
    pub what: String,
    /// The first rows it is seen in.
    pub rows: Vec<String>,
}

/// How many rows a finding names at most.
const ROWS_MAX: usize = 20;
/// How many purchases are judged anew at a time.
const CHUNK: i64 = 2_000;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Each a query that gives the rows that break an invariant, as text.
const CHECKS: &[(u8, &str, &str)] = &[
    (
        1,
        "a transfer belongs to no posting",
        "SELECT format('transfer %s/%s', t.posting_id, t.ordinal) AS row FROM ledger.transfers t
         WHERE NOT EXISTS (SELECT FROM ledger.postings p WHERE p.id = t.posting_id)",
    ),
    (
        1,
        "a transfer names an account that does not exist",
        "SELECT format('transfer %s/%s: %s -> %s', t.posting_id, t.ordinal, t.debit, t.credit) AS row
         FROM ledger.transfers t LEFT JOIN ledger.accounts d ON d.id = t.debit
         LEFT JOIN ledger.accounts c ON c.id = t.credit WHERE d.id IS NULL OR c.id IS NULL",
    ),
    (
        1,
        "a transfer is none that its posting's kind calls for",
        "SELECT format('posting %s (%s): %s -> %s', p.id, p.kind, d.kind, c.kind) AS row
         FROM ledger.postings p JOIN ledger.transfers t ON t.posting_id = p.id
         JOIN ledger.accounts d ON d.id = t.debit JOIN ledger.accounts c ON c.id = t.credit
         WHERE NOT CASE p.kind
            WHEN 'purchase' THEN (d.kind, c.kind) IN (('receivable', 'pending'), ('receivable', 'available'),
                ('funding', 'pending'), ('funding', 'available'), ('receivable', 'commission'),
                ('available', 'receivable'), ('available', 'debt'), ('available', 'breakage'))
            WHEN 'capture' THEN (d.kind, c.kind) IN (('receivable', 'pending'), ('receivable', 'available'),
                ('funding', 'pending'), ('funding', 'available'), ('receivable', 'commission'),
                ('reserved', 'receivable'), ('available', 'debt'), ('available', 'breakage'))
            WHEN 'authorise' THEN (d.kind, c.kind) = ('available', 'reserved')
            WHEN 'void' THEN (d.kind, c.kind) IN (('reserved', 'available'), ('available', 'breakage'),
                ('available', 'debt'))
            WHEN 'release' THEN (d.kind, c.kind) IN (('pending', 'available'), ('available', 'debt'),
                ('available', 'breakage'))
            WHEN 'debt_repaid' THEN (d.kind, c.kind) IN (('available', 'debt'), ('available', 'breakage'))
            WHEN 'expire' THEN (d.kind, c.kind) = ('available', 'breakage')
            WHEN 'refund' THEN d.kind IN ('pending', 'available', 'breakage', 'debt', 'receivable', 'funding')
                    AND c.kind IN ('receivable', 'funding')
                OR (d.kind, c.kind) IN (('commission', 'receivable'), ('receivable', 'available'),
                    ('available', 'debt'), ('available', 'breakage'))
            WHEN 'donation' THEN (d.kind, c.kind) = ('available', 'solidarity')
            WHEN 'write_off' THEN (d.kind, c.kind) IN (('losses', 'debt'), ('losses', 'receivable'))
            WHEN 'merge' THEN (d.kind = c.kind AND d.kind IN ('pending', 'available', 'reserved', 'debt')
                    AND t.credit_member_id <> t.member_id AND p.member_id IN (t.member_id, t.credit_member_id))
                OR (d.kind, c.kind) IN (('available', 'debt'), ('available', 'breakage'))
            ELSE (d.kind = 'adjustments') <> (c.kind = 'adjustments')
                OR (d.kind, c.kind) IN (('available', 'debt'), ('available', 'breakage')) END
            OR (t.credit_member_id IS NOT NULL AND p.kind <> 'merge')",
    ),
    (
        1,
        "a posted purchase and its postings' transfers differ",
        "WITH moved AS (
            SELECT p.purchase_id,
                sum(CASE WHEN c.kind = 'commission' THEN t.amount WHEN d.kind = 'commission' THEN -t.amount ELSE 0 END)
                    AS commission,
                sum(CASE WHEN d.kind IN ('receivable', 'funding') AND c.kind IN ('pending', 'available')
                            AND p.kind <> 'refund' THEN t.amount
                         WHEN p.kind = 'refund' AND d.kind IN ('pending', 'available', 'breakage', 'debt')
                            AND c.kind IN ('receivable', 'funding') THEN -t.amount ELSE 0 END) AS cashback,
                sum(CASE WHEN d.kind IN ('available', 'reserved') AND c.kind = 'receivable' AND p.kind <> 'refund'
                            THEN t.amount
                         WHEN p.kind = 'refund' AND d.kind = 'receivable' AND c.kind = 'available'
                            THEN -t.amount ELSE 0 END) AS redeemed
            FROM ledger.postings p JOIN ledger.transfers t ON t.posting_id = p.id
            JOIN ledger.accounts d ON d.id = t.debit JOIN ledger.accounts c ON c.id = t.credit
            WHERE p.purchase_id IS NOT NULL AND p.kind IN ('purchase', 'capture', 'refund') GROUP BY 1)
         SELECT format('purchase %s: commission %s/%s, cashback %s/%s, redeemed %s/%s', b.id, b.commission_left,
            coalesce(m.commission, 0), b.cashback_left, coalesce(m.cashback, 0), b.redeemed_left,
            coalesce(m.redeemed, 0)) AS row
         FROM ledger.purchases b LEFT JOIN moved m ON m.purchase_id = b.id
         WHERE b.status NOT IN ('authorized', 'voided') AND (b.commission_left, b.cashback_left, b.redeemed_left)
            IS DISTINCT FROM (coalesce(m.commission, 0), coalesce(m.cashback, 0), coalesce(m.redeemed, 0))",
    ),
    (
        1,
        "a posting has no purchase, or a purchase no posting",
        "SELECT format('posting %s (%s) of purchase %s', p.id, p.kind, p.purchase_id) AS row FROM ledger.postings p
         WHERE p.purchase_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM ledger.purchases b WHERE b.id = p.purchase_id)
            AND NOT EXISTS (SELECT FROM ledger.adjustments a WHERE a.posting_id = p.purchase_id)
         UNION ALL
         SELECT format('purchase %s (%s)', b.id, b.status) FROM ledger.purchases b
         WHERE NOT EXISTS (SELECT FROM ledger.postings p WHERE p.id = b.id AND p.kind IN ('purchase', 'authorise'))",
    ),
    (
        2,
        "a member's balance is not the sum of its transfers",
        "WITH sides AS (
            SELECT coalesce(credit_member_id, member_id) AS member_id, credit AS account, amount
            FROM ledger.transfers WHERE credit <= 4
            UNION ALL SELECT member_id, debit, -amount FROM ledger.transfers WHERE debit <= 4
         ), sums AS (
            SELECT member_id, coalesce(sum(amount) FILTER (WHERE account = 1), 0) AS pending,
                coalesce(sum(amount) FILTER (WHERE account = 2), 0) AS available,
                coalesce(sum(amount) FILTER (WHERE account = 3), 0) AS reserved,
                -coalesce(sum(amount) FILTER (WHERE account = 4), 0) AS debt
            FROM sides GROUP BY member_id)
         SELECT format('member %s: row %s, transfers %s', coalesce(b.member_id, s.member_id),
            (b.pending, b.available, b.reserved, b.debt), (s.pending, s.available, s.reserved, s.debt)) AS row
         FROM ledger.balances b FULL JOIN sums s USING (member_id)
         WHERE (coalesce(b.pending, 0), coalesce(b.available, 0), coalesce(b.reserved, 0), coalesce(b.debt, 0))
            IS DISTINCT FROM (coalesce(s.pending, 0), coalesce(s.available, 0), coalesce(s.reserved, 0),
                coalesce(s.debt, 0))",
    ),
    (
        2,
        "available and pending are not what is left in the lots",
        "SELECT format('member %s: pending %s/%s, available %s/%s', b.member_id, b.pending, coalesce(l.pending, 0),
            b.available, coalesce(l.available, 0)) AS row
         FROM ledger.balances b FULL JOIN (
            SELECT member_id, coalesce(sum(remaining) FILTER (WHERE NOT released), 0) AS pending,
                coalesce(sum(remaining) FILTER (WHERE released), 0) AS available
            FROM ledger.lots GROUP BY member_id) l USING (member_id)
         WHERE (coalesce(b.pending, 0), coalesce(b.available, 0))
            IS DISTINCT FROM (coalesce(l.pending, 0), coalesce(l.available, 0))",
    ),
    (
        2,
        "a balance is below zero, or available beside debt",
        "SELECT format('member %s', member_id) AS row FROM ledger.balances
         WHERE least(pending, available, reserved, debt) < 0 OR (debt > 0 AND available > 0)",
    ),
    (
        3,
        "a receipt is not its purchase's alone",
        "SELECT format('receipt %s/%s: purchase %s', r.outlet_id, r.receipt, r.purchase_id) AS row
         FROM ledger.receipts r FULL JOIN ledger.purchases b
            ON b.id = r.purchase_id AND b.outlet_id = r.outlet_id AND b.receipt = r.receipt
         WHERE b.id IS NULL OR r.purchase_id IS NULL",
    ),
    (
        3,
        "refunds are not what was refunded",
        "SELECT format('purchase %s: refunded %s, refunds %s', b.id, b.refunded, coalesce(r.amount, 0)) AS row
         FROM ledger.purchases b
         LEFT JOIN (SELECT purchase_id, sum(amount) AS amount FROM ledger.refunds GROUP BY 1) r ON r.purchase_id = b.id
         WHERE b.refunded > b.amount OR (b.captured AND b.refunded <> coalesce(r.amount, 0))
            OR (NOT b.captured AND b.refunded < coalesce(r.amount, 0))",
    ),
    (
        3,
        "a redemption is not what was taken from the lots",
        "SELECT format('purchase %s: redeemed %s, left %s, taken %s, kept %s', b.id, b.redeemed, b.redeemed_left,
            coalesce(s.amount, 0), coalesce(s.kept, 0)) AS row
         FROM ledger.purchases b LEFT JOIN (
            SELECT purchase_id, sum(amount) AS amount, sum(amount - returned) AS kept FROM ledger.spendings GROUP BY 1
         ) s ON s.purchase_id = b.id
         WHERE (b.redeemed, b.redeemed_left) IS DISTINCT FROM (coalesce(s.amount, 0), coalesce(s.kept, 0))",
    ),
    (
        4,
        "reserved is not what is authorised",
        "SELECT format('member %s: reserved %s, authorised %s', coalesce(b.member_id, a.member_id), b.reserved,
            a.amount) AS row
         FROM ledger.balances b FULL JOIN (
            SELECT member_id, sum(redeemed_left) AS amount FROM ledger.purchases WHERE status = 'authorized' GROUP BY 1
         ) a USING (member_id) WHERE coalesce(b.reserved, 0) <> coalesce(a.amount, 0)",
    ),
];

/// Checks everything on one snapshot, reading only; in a transaction of its own.
///
/// # Errors
/// The database's.
pub fn verify(connection: &mut PgConnection, books: &BookCache) -> QueryResult<Report> {
    connection.build_transaction().repeatable_read().read_only().run(|connection| {
        connection.batch_execute("SET LOCAL jit = off")?;
        let book = books.current(connection)?;
        let mut findings = Vec::new();
        for (invariant, what, sql) in CHECKS.iter().chain(standing::CHECKS) {
            check(connection, &mut findings, *invariant, what, sql)?;
        }
        caps(connection, &mut findings, &book)?;
        if book.tiers.is_some() {
            check(connection, &mut findings, 6, standing::TIERS, &standing::tiers())?;
        }
        let purchases = judged_anew(connection, &book, &mut findings)?;
        let transfers: Count =
            diesel::sql_query("SELECT count(*) AS count FROM ledger.transfers").get_result(connection)?;
        Ok(Report { ok: findings.is_empty(), transfers: transfers.count, purchases, findings })
    })
}

fn check(
    connection: &mut PgConnection,
    findings: &mut Vec<Finding>,
    invariant: u8,
    what: &str,
    sql: &str,
) -> QueryResult<()> {
    let rows: Vec<Row> =
        diesel::sql_query(format!("SELECT row FROM ({sql}) AS broken LIMIT {ROWS_MAX}")).load(connection)?;
    if !rows.is_empty() {
        findings.push(Finding {
            invariant,
            what: what.to_owned(),
            rows: rows.into_iter().map(|row| row.row).collect(),
        });
    }
    Ok(())
}

/// What is used of caps is what purchases have left of their grants.
fn caps(connection: &mut PgConnection, findings: &mut Vec<Finding>, book: &Book) -> QueryResult<()> {
    let zone = book.zone.name();
    check(
        connection,
        findings,
        6,
        "what is used of a member's cap is not what purchases have of it",
        &format!(
            "SELECT format('member %s, rule %s, %s %s: used %s, given %s', c.member_id, c.rule_id, c.span, c.period,
                c.used, coalesce(sum(g.kept), 0)) AS row
             FROM ledger.cap_usage c LEFT JOIN ({GRANTS}) g ON g.member_id = c.member_id AND g.rule_id = c.rule_id
                AND date_trunc(c.span, g.occurred_at AT TIME ZONE '{zone}')::date = c.period
             GROUP BY c.member_id, c.rule_id, c.span, c.period, c.used HAVING c.used <> coalesce(sum(g.kept), 0)"
        ),
    )?;
    check(
        connection,
        findings,
        6,
        "what is used of a budget is not what purchases have of it",
        &format!(
            "SELECT format('rule %s: used %s, given %s', b.rule_id, b.used, coalesce(sum(g.kept), 0)) AS row
             FROM ledger.budget_usage b LEFT JOIN ({GRANTS}) g USING (rule_id)
             GROUP BY b.rule_id, b.used HAVING b.used <> coalesce(sum(g.kept), 0)"
        ),
    )
}

/// Every posted purchase once more through the functions that post and refund; how many.
fn judged_anew(connection: &mut PgConnection, book: &Book, findings: &mut Vec<Finding>) -> QueryResult<i64> {
    let mut after = PurchaseId(Uuid::nil());
    let mut judged = 0;
    let mut broken = Vec::new();
    loop {
        let records: Vec<PurchaseRecord> = purchases::table
            .filter(purchases::id.gt(after))
            .order(purchases::id)
            .limit(CHUNK)
            .select(PurchaseRecord::as_select())
            .load(connection)?;
        let Some(last) = records.last() else { break };
        after = last.id;
        for record in records.iter().filter(|record| record.status.is_posted()) {
            judged += 1;
            if let Some(what) = wrong(record, book)
                && broken.len() < ROWS_MAX
            {
                broken.push(format!("purchase {}: {what}", record.id));
            }
        }
    }
    if !broken.is_empty() {
        findings.push(Finding {
            invariant: 3,
            what: "cashback or commission is not what the frozen terms give".to_owned(),
            rows: broken,
        });
    }
    Ok(judged)
}

/// What of a purchase its frozen terms don't give.
fn wrong(record: &PurchaseRecord, book: &Book) -> Option<&'static str> {
    let judgement = record.judgement();
    let paid = record.amount - record.redeemed;
    if record.commission != commission(paid, record.commission_rate) {
        return Some("commission");
    }
    let mut given = Money::ZERO;
    for applied in &judgement.applied {
        let Some(version) = book.version(applied.rule, applied.version) else { return Some("unknown rule") };
        let anew = earned(&version.terms, applied.eligible).unwrap_or(Money::ZERO);
        let limited = capped(&version.terms.caps, anew, applied.room_kopecks.map(Money::from_kopecks));
        let amount = Money::from_kopecks(applied.given_kopecks);
        if anew.kopecks() != applied.earned_kopecks || amount > limited {
            return Some("a rule gave what its terms don't");
        }
        given += amount;
    }
    if given != record.cashback || given > paid {
        return Some("cashback");
    }
    if record.status == PurchaseStatus::Posted {
        let whole = record.redeemed_left == record.redeemed && record.cashback_left == record.cashback;
        return if whole { None } else { Some("less is left without a refund") };
    }
    let after = After { kept: record.kept(), by_amount: record.refunded_by_amount };
    let left = residual(record, &after, |applied| {
        book.version(applied.rule, applied.version).map(|version| &version.terms)
    });
    let kept: Money = left.rules.iter().copied().sum();
    let same = (left.redeemed, left.commission, kept, left.left)
        == (
            record.redeemed_left,
            record.commission_left,
            record.cashback_left,
            record.amount - record.refunded,
        );
    if same { None } else { Some("what refunds left") }
}

/// The last job's promise: lots past their date at `finished` are empty, but frozen members'.
///
/// # Errors
/// The database's.
pub fn lots_past_their_date(
    connection: &mut PgConnection,
    books: &BookCache,
    finished: DateTime<Utc>,
) -> QueryResult<Vec<Finding>> {
    let book = books.current(connection)?;
    let today = crate::days::date_in(book.zone, finished);
    let mut findings = Vec::new();
    check(
        connection,
        &mut findings,
        6,
        "a lot past its date is not empty",
        &format!(
            "SELECT format('member %s: lot of purchase %s', l.member_id, l.purchase_id) AS row
             FROM ledger.lots l JOIN ledger.balances b USING (member_id)
             WHERE l.remaining > 0 AND l.released AND l.expires_on < '{today}' AND b.standing NOT IN ('frozen', 'frozen_left')"
        ),
    )?;
    Ok(findings)
}
