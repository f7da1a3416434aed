WITH numbered AS MATERIALIZED (
    SELECT place, row_number() OVER (PARTITION BY kind, outlet, receipt,
        CASE kind WHEN 'refund' THEN reference END ORDER BY place) AS nth
    FROM ledger.register_rows WHERE register_id = $1 AND outcome IS NULL
)
UPDATE ledger.register_rows AS r SET outcome = 'duplicate', reason = 'twice_in_file'
FROM (SELECT place FROM numbered WHERE nth > 1) AS again
WHERE r.register_id = $1 AND r.place = again.place
