UPDATE ledger.register_rows AS r SET outcome = 'rejected', reason = 'outlet_unknown'
WHERE r.register_id = $1 AND r.outcome IS NULL
    AND NOT EXISTS (SELECT FROM ledger.outlets AS o WHERE o.code = r.outlet AND o.partner_id = $2)
