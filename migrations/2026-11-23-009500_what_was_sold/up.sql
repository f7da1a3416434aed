-- What was sold by a purchase in the end: all of it, or what was captured of it, by amount or by lines.
CREATE FUNCTION ledger.sold(amount bigint, kept jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE jsonb_typeof(kept -> 'c')
        WHEN 'string' THEN ((kept ->> 'c')::numeric * 100)::bigint
        WHEN 'array' THEN (SELECT sum((line ->> 'amount')::numeric * 100)::bigint
            FROM jsonb_array_elements(kept -> 'c') AS lines (line))
        ELSE amount
    END
$$;

-- What its fiscal receipt says: points are a discount there, or not, by the partner's setting; of what was captured for
-- less, the share of points that a refund of the rest leaves.
CREATE FUNCTION ledger.receipt_sum(amount bigint, redeemed bigint, kept jsonb, counts_points boolean)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT sold - CASE WHEN counts_points THEN 0 ELSE (2 * redeemed * sold + amount) / (2 * amount) END
    FROM (SELECT ledger.sold(amount, kept) AS sold) AS what
$$;

-- Rows that were compared with what was announced.
UPDATE ledger.register_rows AS r
SET outcome = CASE WHEN b.status IN ('authorized', 'voided') THEN 'only_theirs' ELSE 'amount_differs' END,
    reason = CASE WHEN b.status IN ('authorized', 'voided') THEN b.status END
FROM ledger.purchases AS b
WHERE b.id = r.purchase_id AND r.kind = 'sale' AND r.outcome IN ('posted', 'matched')
    AND (b.status IN ('authorized', 'voided') OR r.amount <> ledger.sold(b.amount, b.kept));
