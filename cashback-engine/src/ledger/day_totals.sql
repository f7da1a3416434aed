WITH moved AS (
    SELECT s.account, sum(s.debit)::bigint AS debit, sum(s.credit)::bigint AS credit
    FROM ledger.transfers AS t,
        LATERAL (VALUES (t.debit, t.amount, 0), (t.credit, 0, t.amount)) AS s (account, debit, credit)
    WHERE t.posting_id >= $2 AND t.posting_id < $3 GROUP BY s.account
)
INSERT INTO ledger.day_totals (account, day, debit, credit, debit_total, credit_total)
SELECT m.account, $1, m.debit, m.credit, m.debit + coalesce(before.debit_total, 0),
    m.credit + coalesce(before.credit_total, 0)
FROM moved AS m
LEFT JOIN LATERAL (
    SELECT debit_total, credit_total FROM ledger.day_totals WHERE account = m.account ORDER BY day DESC LIMIT 1
) AS before ON true
