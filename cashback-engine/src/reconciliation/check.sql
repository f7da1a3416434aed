WITH unknown AS (
    UPDATE ledger.register_rows AS r SET outcome = 'rejected', reason = 'outlet_unknown'
    WHERE r.register_id = $1 AND r.outcome IS NULL
        AND NOT EXISTS (SELECT FROM ledger.outlets AS o WHERE o.code = r.outlet AND o.partner_id = $2)
    RETURNING place
), numbered AS (
    SELECT place, row_number() OVER (PARTITION BY kind, outlet, receipt,
        CASE kind WHEN 'refund' THEN reference END ORDER BY place) AS nth
    FROM ledger.register_rows WHERE register_id = $1 AND outcome IS NULL
)
UPDATE ledger.register_rows AS r SET outcome = 'duplicate', reason = 'twice_in_file'
FROM numbered
WHERE r.register_id = $1 AND r.place = numbered.place AND numbered.nth > 1
    AND r.place NOT IN (SELECT place FROM unknown)
