//! What must hold of corrections, mergers, freezes and tiers: the part of `verify` that is theirs.

use super::audit::moved;
use crate::tiers::progress::COUNTED;

/// Each a query that gives the rows that break an invariant, as text.
pub(super) const CHECKS: &[(u8, &str, &str)] = &[
    (
        1,
        "an adjustment is not its posting, or one person's work",
        "SELECT format('adjustment %s: posting %s', a.id, a.posting_id) AS row FROM ledger.adjustments a
         LEFT JOIN ledger.postings p ON p.id = a.posting_id
         LEFT JOIN ledger.transfers t ON t.posting_id = p.id AND t.ordinal = 0
         WHERE a.status = 'approved' AND ((p.kind, t.debit, t.credit, t.amount) IS DISTINCT FROM
            (a.kind, a.debit, a.credit, a.amount) OR a.decided_by = a.proposed_by)
         UNION ALL
         SELECT format('posting %s (%s)', p.id, p.kind) FROM ledger.postings p
         WHERE p.kind IN ('adjustment', 'write_off')
            AND NOT EXISTS (SELECT FROM ledger.adjustments a WHERE a.posting_id = p.id AND a.status = 'approved')",
    ),
    (
        2,
        "a correction's lot is not what was given, or not of its dates",
        concat!(
            "SELECT format('correction %s: given %s on %s for %s months, lot %s, available %s, until %s', a.id, a.amount,
                a.day, a.life_months, l.amount, l.available_at, l.expires_on) AS row
             FROM (
                SELECT a.id, a.posting_id, a.amount, a.life_months, coalesce(m.into_id, a.member_id) AS member_id,
                    (a.decided_at AT TIME ZONE g.zone)::date AS day,
                    ((a.decided_at AT TIME ZONE g.zone)::date + make_interval(months => a.life_months))::date AS until,
                    CASE a.credit WHEN 2 THEN a.decided_at
                        ELSE ((a.decided_at AT TIME ZONE g.zone)::date + 15)::timestamp AT TIME ZONE g.zone END AS since
                FROM ledger.adjustments a CROSS JOIN ledger.programme g
                LEFT JOIN ledger.merged m ON m.member_id = a.member_id
                WHERE a.status = 'approved' AND a.credit IN (1, 2)) a
             LEFT JOIN ledger.lots l ON l.member_id = a.member_id AND l.purchase_id = a.posting_id
             WHERE l.amount IS DISTINCT FROM a.amount OR l.available_at IS DISTINCT FROM a.since
                OR (l.expires_on IS DISTINCT FROM a.until
                    AND ((l.expires_on > a.until + 30) IS NOT TRUE OR NOT ",
            moved!(),
            "))"
        ),
    ),
    (
        2,
        "something is left with a member who was merged into another",
        "SELECT format('member %s', m.member_id) AS row FROM ledger.merged m
         LEFT JOIN ledger.balances b USING (member_id)
         WHERE b.standing IS DISTINCT FROM 'merged' OR b.pending + b.available + b.reserved + b.debt <> 0
            OR EXISTS (SELECT FROM ledger.lots l WHERE l.member_id = m.member_id)
            OR EXISTS (SELECT FROM ledger.merged further WHERE further.member_id = m.into_id)",
    ),
    (
        2,
        "a member was merged, and nothing says into whom; or a merger is none of its posting",
        "SELECT format('member %s', b.member_id) AS row FROM ledger.balances b
         WHERE b.standing = 'merged' AND NOT EXISTS (SELECT FROM ledger.merged m WHERE m.member_id = b.member_id)
         UNION ALL
         SELECT format('member %s: posting %s', m.member_id, m.posting_id) FROM ledger.merged m
         WHERE m.posting_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM ledger.postings p WHERE p.id = m.posting_id AND p.kind = 'merge')
         UNION ALL
         SELECT format('posting %s (merge)', p.id) FROM ledger.postings p
         WHERE p.kind = 'merge' AND NOT EXISTS (SELECT FROM ledger.merged m WHERE m.posting_id = p.id)",
    ),
    (
        6,
        "a version of the tiers' settings is missing",
        "SELECT format('version %s', t.version - 1) AS row FROM ledger.tier_settings t
         WHERE t.version > 1
            AND NOT EXISTS (SELECT FROM ledger.tier_settings e WHERE e.version = t.version - 1)
         UNION ALL
         SELECT 'what members have towards tiers, of no settings' WHERE EXISTS (SELECT FROM ledger.tier_progress)
            AND NOT EXISTS (SELECT FROM ledger.tier_settings WHERE approved_at IS NOT NULL)",
    ),
    (
        2,
        "a member is frozen without a reason, or not although one stands",
        "SELECT format('member %s: %s', coalesce(b.member_id, f.member_id), b.standing) AS row
         FROM ledger.balances b
         FULL JOIN (SELECT member_id FROM ledger.freezes WHERE ended_at IS NULL) f USING (member_id)
         WHERE coalesce(b.standing IN ('frozen', 'frozen_left'), false) <> (f.member_id IS NOT NULL)",
    ),
];

/// What [`tiers`] finds.
pub(super) const TIERS: &str = "what a member has towards a tier is not what purchases count for";

/// What members have towards a tier is what their purchases count for; asked where tiers are set.
pub(super) fn tiers() -> String {
    format!(
        "SELECT format('member %s, %s: %s/%s, purchases %s/%s', coalesce(t.member_id, c.member_id),
            coalesce(t.month, c.month), t.purchases, t.cashback, c.purchases, c.cashback) AS row
         FROM ledger.tier_progress t FULL JOIN ({COUNTED}) c USING (member_id, month)
         WHERE (coalesce(t.purchases, 0), coalesce(t.cashback, 0))
            IS DISTINCT FROM (coalesce(c.purchases, 0), coalesce(c.cashback, 0))"
    )
}
