//! One query an invariant: what is asked of the tables as they stand, whatever the rules.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;

use super::lots::moved;
use super::{Findings, ROWS_MAX, Row};
use crate::ledger::standing;

/// Each a query that gives the rows that break an invariant, as text.
const CHECKS: &[(u8, &str, &str)] = &[
    (
        1,
        "a posting has no purchase, or a purchase no posting",
        "SELECT format('posting %s (%s) of purchase %s', p.id, p.kind, p.purchase_id) AS row FROM ledger.postings p
         WHERE p.purchase_id IS NOT NULL AND p.kind <> 'purchase' AND p.id >= '{since}'
            AND NOT EXISTS (SELECT FROM ledger.purchases b WHERE b.id = p.purchase_id)
            AND NOT EXISTS (SELECT FROM ledger.adjustments a WHERE a.posting_id = p.purchase_id)",
    ),
    (
        1,
        "a partner, an outlet or a rule has lost what it belongs to",
        "SELECT format('partner %s: account %s', p.code, p.receivable) AS row FROM ledger.partners p
         LEFT JOIN ledger.accounts a ON a.id = p.receivable
         WHERE (a.kind, a.owner_kind, a.owner) IS DISTINCT FROM ('receivable', 'partner', p.code)
         UNION ALL SELECT format('outlet %s', o.code) FROM ledger.outlets o
         WHERE NOT EXISTS (SELECT FROM ledger.partners p WHERE p.id = o.partner_id)
         UNION ALL SELECT format('commission of partner %s until %s', c.partner_id, c.until) FROM ledger.commission_rates c
         WHERE NOT EXISTS (SELECT FROM ledger.partners p WHERE p.id = c.partner_id)
         UNION ALL SELECT format('rule %s', r.id) FROM ledger.rules r
         WHERE NOT EXISTS (SELECT FROM ledger.partners p WHERE p.id = r.partner_id)
            OR NOT EXISTS (SELECT FROM ledger.rule_versions v WHERE v.rule_id = r.id)
         UNION ALL SELECT format('rule %s, version %s', v.rule_id, v.version) FROM ledger.rule_versions v
         WHERE NOT EXISTS (SELECT FROM ledger.rules r WHERE r.id = v.rule_id)",
    ),
    (
        1,
        "a purchase's outlet is nobody's",
        "SELECT format('purchase %s: outlet %s', b.id, b.outlet_id) AS row FROM ledger.purchases b
         WHERE b.id >= '{since}' AND NOT EXISTS (SELECT FROM ledger.outlets o WHERE o.id = b.outlet_id)",
    ),
    (
        2,
        "a member's standing is not what the enrolments say",
        "SELECT format('member %s: %s, last %s', b.member_id, b.standing, e.kind) AS row FROM ledger.balances b
         LEFT JOIN (SELECT DISTINCT ON (member_id) member_id, kind FROM ledger.enrolments
            ORDER BY member_id, id DESC) e USING (member_id)
         WHERE b.standing IN ('enrolled', 'left') AND e.kind IS DISTINCT FROM b.standing",
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
        2,
        "a purchase's lots are not its cashback, or not of its dates",
        // Of one lot: its last day is the purchase's, or a later one where it was held past it.
        concat!(
            "SELECT format('purchase %s: cashback %s, lots %s; available %s, lots %s; until %s, lots %s', b.id, b.cashback,
            coalesce(l.amount, 0), b.available_at, l.available_at, b.expires_on, l.expires_on) AS row
         FROM ledger.purchases b
         LEFT JOIN (
            SELECT purchase_id, sum(amount) AS amount, max(available_at) AS available_at,
                min(expires_on) AS expires_on, count(*) AS lots
            FROM ledger.lots GROUP BY 1) l ON l.purchase_id = b.id
         WHERE b.id >= '{since}' AND b.status NOT IN ('authorized', 'voided')
            AND (b.cashback <> coalesce(l.amount, 0) OR b.available_at IS DISTINCT FROM l.available_at
                OR (l.lots = 1 AND b.expires_on IS DISTINCT FROM l.expires_on
                    AND ((l.expires_on > b.expires_on + 30) IS NOT TRUE OR NOT EXISTS (
                        SELECT FROM (SELECT b.member_id, b.id AS purchase_id, l.expires_on) AS l WHERE ",
            moved!(),
            "))))",
        ),
    ),
    (
        2,
        "a lot is held without a case that holds it, or a case holds nothing",
        "SELECT format('member %s: lot of purchase %s', l.member_id, l.purchase_id) AS row FROM ledger.lots l
         WHERE l.held AND NOT EXISTS (SELECT FROM ledger.fraud_cases c
            WHERE c.purchase_id = l.purchase_id AND c.status = 'held')
         UNION ALL
         SELECT format('case %s: lot of purchase %s', c.id, l.purchase_id) FROM ledger.fraud_cases c
         JOIN ledger.lots l ON l.member_id = c.member_id AND l.purchase_id = c.purchase_id
         WHERE c.status = 'held' AND NOT l.held AND NOT l.released AND l.remaining > 0
         UNION ALL
         SELECT format('case %s: blocked purchase %s has %s left', c.id, b.id, b.cashback_left)
         FROM ledger.fraud_cases c JOIN ledger.purchases b ON b.id = c.purchase_id
         WHERE c.status = 'blocked' AND b.cashback_left <> 0 AND b.status <> 'authorized'",
    ),
    (
        3,
        "a claim's purchase is not there, or its fiscal receipt another's; or claims in play are miscounted",
        "SELECT format('claim %s: purchase %s', c.id, c.purchase_id) AS row
         FROM ledger.claims c LEFT JOIN ledger.purchases b ON b.id = c.purchase_id
         LEFT JOIN ledger.fiscal_receipts f ON f.drive = c.drive AND f.document = c.document
         WHERE c.purchase_id IS NOT NULL AND (b.id IS NULL OR f.purchase_id IS DISTINCT FROM c.purchase_id)
         UNION ALL
         SELECT format('member %s: %s claims in play, counted %s', b.member_id, coalesce(c.claims, 0), b.claims)
         FROM ledger.balances b LEFT JOIN (
            SELECT member_id, count(*) AS claims FROM ledger.claims WHERE in_play GROUP BY 1) c USING (member_id)
         WHERE b.claims <> coalesce(c.claims, 0)",
    ),
    (
        3,
        "a receipt is not its purchase's alone",
        "SELECT format('receipt %s/%s: purchase %s', r.outlet_id, r.receipt, r.purchase_id) AS row
         FROM ledger.receipts r FULL JOIN ledger.purchases b
            ON b.id = r.purchase_id AND b.outlet_id = r.outlet_id AND b.receipt = r.receipt
         WHERE (b.id IS NULL OR r.purchase_id IS NULL)
            AND NOT EXISTS (SELECT FROM ledger.claims c WHERE c.purchase_id = r.purchase_id
                AND c.outlet_id = r.outlet_id AND c.arrived_as = r.receipt)
            -- Given up for its claim's purchase, whose name its receipt became.
            AND NOT (b.status = 'voided' AND EXISTS (SELECT FROM ledger.claims c
                WHERE c.outlet_id = b.outlet_id AND c.arrived_as = b.receipt))",
    ),
    (
        3,
        "refunds are not what was refunded",
        "SELECT format('purchase %s: refunded %s, refunds %s', b.id, b.refunded, coalesce(r.amount, 0)) AS row
         FROM ledger.purchases b
         LEFT JOIN (SELECT purchase_id, sum(amount) AS amount FROM ledger.refunds GROUP BY 1) r ON r.purchase_id = b.id
         WHERE b.refunded > b.amount
            OR b.refunded <> b.amount - ledger.sold(b.amount, b.kept) + coalesce(r.amount, 0)",
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
        3,
        "redemptions took from a lot that is not there, or more than there was",
        "SELECT format('lot %s/%s of member %s: %s, left %s, expired %s, taken %s', s.lot_purchase_id, s.lot_part,
            s.member_id, l.amount, l.remaining, l.expired, s.kept) AS row
         FROM (SELECT member_id, lot_purchase_id, lot_part, sum(amount - returned) AS kept
            FROM ledger.spendings GROUP BY 1, 2, 3) s
         LEFT JOIN ledger.lots l
            ON l.member_id = s.member_id AND l.purchase_id = s.lot_purchase_id AND l.part = s.lot_part
         WHERE l.amount IS NULL OR l.remaining + l.expired + s.kept > l.amount",
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
    (
        3,
        "a fiscal receipt is not its purchase's alone",
        "SELECT format('fiscal receipt %s/%s: purchase %s', coalesce(f.drive, b.drive), coalesce(f.document, b.document),
            coalesce(f.purchase_id, b.id)) AS row
         FROM ledger.fiscal_receipts f FULL JOIN (
            SELECT id, substring(fiscal FROM '(?:^|&)fn=([0-9]+)') AS drive,
                substring(fiscal FROM '(?:^|&)i=([0-9]+)')::bigint AS document
            FROM ledger.purchases WHERE fiscal IS NOT NULL AND status NOT IN ('authorized', 'voided')
         ) b ON b.id = f.purchase_id AND b.drive = f.drive AND b.document = f.document
         WHERE (b.id IS NULL OR f.purchase_id IS NULL)
            AND NOT EXISTS (SELECT FROM ledger.claims c WHERE c.purchase_id = f.purchase_id
                AND c.drive = f.drive AND c.document = f.document)",
    ),
    (
        3,
        "a refund is not its posting's",
        "SELECT format('refund %s of purchase %s: posting %s', r.reference, r.purchase_id, r.posting_id) AS row
         FROM ledger.refunds r LEFT JOIN ledger.postings p ON p.id = r.posting_id
         WHERE r.posting_id >= '{since}' AND (p.kind, p.purchase_id) IS DISTINCT FROM ('refund', r.purchase_id)
         UNION ALL
         SELECT format('posting %s (refund) of purchase %s', p.id, p.purchase_id) FROM ledger.postings p
         LEFT JOIN ledger.purchases b ON b.id = p.purchase_id
         WHERE p.kind = 'refund' AND p.id >= '{since}'
            AND NOT EXISTS (SELECT FROM ledger.refunds r
                WHERE r.purchase_id = p.purchase_id AND r.posting_id = p.id)
            -- A capture for less has one without a refund.
            AND (ledger.sold(b.amount, b.kept) = b.amount OR EXISTS (SELECT FROM ledger.postings e
                WHERE e.purchase_id = p.purchase_id AND e.kind = 'refund' AND e.id <> p.id
                    AND NOT EXISTS (SELECT FROM ledger.refunds r
                        WHERE r.purchase_id = e.purchase_id AND r.posting_id = e.id)))",
    ),
    (
        3,
        "a register's row is not the purchase it names",
        "SELECT format('register %s, row %s (%s)', r.register_id, r.place, r.outcome) AS row
         FROM ledger.register_rows r LEFT JOIN ledger.purchases b ON b.id = r.purchase_id
         LEFT JOIN ledger.outlets o ON o.id = b.outlet_id
         LEFT JOIN ledger.refunds f ON r.kind = 'refund' AND f.purchase_id = b.id AND f.reference = r.reference
         WHERE r.outcome IN ('posted', 'matched') AND (o.code IS DISTINCT FROM r.outlet
            OR r.amount IS DISTINCT FROM CASE r.kind
                WHEN 'sale' THEN ledger.sold(b.amount, b.kept) ELSE f.amount END
            OR b.status IN ('authorized', 'voided')
            OR (b.receipt IS DISTINCT FROM r.receipt AND NOT EXISTS (
                SELECT FROM ledger.claims c JOIN ledger.registers g ON g.id = r.register_id
                WHERE c.purchase_id = b.id AND (c.arrived_as = r.receipt OR g.mode = 'compare'))))",
    ),
    (
        3,
        "a register is not whole",
        "SELECT format('register %s: %s rows of %s, %s without outcome', g.id, count(r.place), g.row_count,
            count(r.place) FILTER (WHERE r.outcome IS NULL)) AS row
         FROM ledger.registers g LEFT JOIN ledger.register_rows r ON r.register_id = g.id AND r.line IS NOT NULL
         GROUP BY g.id HAVING count(r.place) <> g.row_count
            OR (g.status = 'done' AND count(r.place) FILTER (WHERE r.outcome IS NULL) > 0)
         UNION ALL SELECT format('row %s of register %s', r.place, r.register_id) FROM ledger.register_rows r
         WHERE NOT EXISTS (SELECT FROM ledger.registers g WHERE g.id = r.register_id)",
    ),
];

/// The same, where the whole history is needed.
const HISTORY: &[(u8, &str, &str)] = &[
    (
        6,
        "what a card has used of its limits is not what its purchases were counted for",
        "WITH counted AS (
            SELECT card_id, member_id, span, date_trunc(span, occurred_at AT TIME ZONE programme.zone)::date AS period,
                count(*) FILTER (WHERE terms ->> 'k' = 'true') AS earned, sum(redeemed) AS redeemed
            FROM ledger.purchases, ledger.programme, (VALUES ('day'), ('month')) AS spans (span)
            WHERE card_id IS NOT NULL AND terms ->> 'k' IS NOT NULL GROUP BY 1, 2, 3, 4)
         SELECT format('card %s, %s of %s: used %s and %s, counted %s and %s', coalesce(u.card_id, c.card_id),
            coalesce(u.span, c.span), coalesce(u.period, c.period), u.earned, u.redeemed, c.earned, c.redeemed) AS row
         FROM ledger.card_usage u FULL JOIN counted c USING (card_id, member_id, span, period)
         WHERE (u.earned, u.redeemed) IS DISTINCT FROM (c.earned, c.redeemed)",
    ),
    (
        2,
        "what expired of the lots is not what was moved to breakage",
        "SELECT format('lots %s, breakage %s', l.expired, m.moved) AS row
         FROM (SELECT coalesce(sum(expired), 0) AS expired FROM ledger.lots) l, (
            SELECT coalesce(sum(t.amount), 0) AS moved FROM (
                SELECT amount FROM ledger.transfers WHERE credit = 13 AND debit <> 18
                UNION ALL SELECT -amount FROM ledger.transfers WHERE debit = 13 AND credit <> 18) t
         ) m WHERE l.expired <> m.moved",
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
];

/// Asks all that don't need the rules; from an identifier on where not the `whole` history is checked.
pub(super) fn all(connection: &mut PgConnection, since: Uuid, whole: bool) -> QueryResult<Findings> {
    let mut findings = Findings::default();
    run(connection, &mut findings, CHECKS, since)?;
    run(connection, &mut findings, standing::CHECKS, since)?;
    if whole {
        run(connection, &mut findings, HISTORY, since)?;
    }
    Ok(findings)
}

pub(super) fn run(
    connection: &mut PgConnection,
    findings: &mut Findings,
    checks: &[(u8, &'static str, &str)],
    since: Uuid,
) -> QueryResult<()> {
    for (invariant, what, sql) in checks {
        let sql = sql.replace("{since}", &since.to_string());
        let rows: Vec<Row> = diesel::sql_query(format!("SELECT row FROM ({sql}) AS broken LIMIT {ROWS_MAX}"))
            .load(connection)?;
        findings.rows(*invariant, what, rows);
    }
    Ok(())
}
