WITH looked AS (
    SELECT c.id, c.status, c.filed_at, f.purchase_id AS credited, b.member_id AS credited_to
    FROM ledger.claims AS c
    LEFT JOIN ledger.fiscal_receipts AS f ON f.drive = c.drive AND f.document = c.document
    LEFT JOIN ledger.purchases AS b ON b.id = f.purchase_id
    WHERE c.id = ANY($1) AND c.in_play
)
UPDATE ledger.claims AS c
SET in_play = false,
    status = CASE WHEN c.status = 'approved' THEN 'approved'
        WHEN looked.credited_to = c.member_id THEN 'confirmed'
        WHEN looked.credited IS NOT NULL THEN 'declined'
        ELSE 'expired' END,
    reason = CASE WHEN c.status = 'approved' THEN c.reason
        WHEN looked.credited_to = c.member_id THEN 'arrived'
        WHEN looked.credited IS NOT NULL THEN 'credited_elsewhere'
        WHEN c.status = 'unmatched' THEN 'no_outlet'
        ELSE 'no_answer' END,
    purchase_id = CASE WHEN c.status = 'approved' OR looked.credited_to = c.member_id
        THEN coalesce(c.purchase_id, looked.credited) END,
    decided_at = coalesce(c.decided_at, $4)
FROM looked
WHERE c.id = looked.id AND (
    (c.status = 'approved' AND c.filed_at <= $3)
    OR (c.status <> 'approved' AND (looked.credited IS NOT NULL OR c.filed_at <= $2)))
RETURNING c.id, c.member_id, c.status, c.reason, c.purchase_id
