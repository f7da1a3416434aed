WITH listed AS (
    SELECT o.id AS outlet_id, r.outlet, r.receipt, r.kind, r.reference, r.occurred_at, r.purchase_id,
        r.outcome = 'rejected' AND coalesce(r.reason, '') LIKE 'occurred_at%' AS undated
    FROM ledger.register_rows AS r JOIN ledger.outlets AS o ON o.code = r.outlet
    JOIN ledger.registers AS g ON g.id = r.register_id AND g.partner_id = o.partner_id
    WHERE r.register_id = $1
), middle AS (
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY occurred_at DESC) AS at FROM listed WHERE NOT undated
), dated AS (
    SELECT occurred_at, abs(extract(epoch FROM occurred_at - middle.at)) > 300 * 86400 AS far
    FROM listed CROSS JOIN middle WHERE NOT undated
), covered AS (
    -- A few rows far from the others have mistyped years, which cover nothing; many are a long history.
    SELECT date_trunc('day', min(occurred_at) AT TIME ZONE $2) AT TIME ZONE $2 AS first,
        (date_trunc('day', max(occurred_at) AT TIME ZONE $2) + interval '1 day') AT TIME ZONE $2 AS last
    FROM dated WHERE NOT far OR (SELECT count(*) FILTER (WHERE far) FROM dated) >= 10
), places AS (
    SELECT coalesce(max(place), 0) AS last FROM ledger.register_rows WHERE register_id = $1
), ours AS (
    SELECT 'sale' AS kind, b.id, b.outlet_id, b.receipt, NULL::text AS reference, b.occurred_at,
        ledger.sold(b.amount, b.kept) AS amount
    FROM ledger.purchases AS b
    WHERE b.outlet_id = ANY (ARRAY(SELECT DISTINCT outlet_id FROM listed))
        AND b.occurred_at >= (SELECT first FROM covered) AND b.occurred_at < (SELECT last FROM covered)
        AND b.status NOT IN ('authorized', 'voided')
        AND NOT EXISTS (SELECT FROM listed AS l
            WHERE l.kind = 'sale' AND l.outlet_id = b.outlet_id AND l.receipt = b.receipt)
        -- What was a claim may stand in the file under the till's receipt.
        AND (b.source <> 'claim' OR NOT EXISTS (SELECT FROM listed AS l
            WHERE l.kind = 'sale' AND l.purchase_id = b.id))
    UNION ALL
    SELECT 'refund', b.id, b.outlet_id, b.receipt, f.reference, f.occurred_at, f.amount
    FROM ledger.refunds AS f CROSS JOIN LATERAL (
        SELECT * FROM ledger.purchases AS of_it WHERE of_it.id = f.purchase_id OFFSET 0) AS b
    WHERE b.outlet_id = ANY (ARRAY(SELECT DISTINCT outlet_id FROM listed))
        AND f.occurred_at >= (SELECT first FROM covered) AND f.occurred_at < (SELECT last FROM covered)
        AND NOT EXISTS (SELECT FROM listed AS l WHERE l.kind = 'refund' AND l.outlet_id = b.outlet_id
            AND l.receipt = b.receipt AND l.reference = f.reference)
        AND (b.source <> 'claim' OR NOT EXISTS (SELECT FROM listed AS l
            WHERE l.kind = 'refund' AND l.purchase_id = b.id AND l.reference = f.reference))
)
INSERT INTO ledger.register_rows (register_id, place, kind, outlet, receipt, occurred_at, our_amount, reference,
    outcome, purchase_id)
SELECT $1, places.last + row_number() OVER (ORDER BY ours.occurred_at, ours.id, ours.kind DESC), ours.kind, o.code,
    ours.receipt, ours.occurred_at, ours.amount, ours.reference, 'only_ours', ours.id
FROM ours JOIN ledger.outlets AS o ON o.id = ours.outlet_id, places
