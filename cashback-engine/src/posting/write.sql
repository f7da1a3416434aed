WITH new_purchases AS (
    INSERT INTO ledger.purchases (id, member_id, outlet_id, receipt, card_id, source, posted_by, occurred_at, booked_at,
        status, captured, amount, redeemed, redeemed_left, commission, commission_left, cashback, cashback_left,
        commission_rate, available_at, expires_on, terms, lines, fiscal)
    SELECT id, member_id, outlet_id, receipt, card_id, source, posted_by, occurred_at, booked_at, status, captured,
        amount, redeemed, redeemed, commission, commission, cashback, cashback, rate, available_at, expires_on, terms,
        lines, fiscal
    FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        AS n (id, member_id, outlet_id, receipt, card_id, source, posted_by, occurred_at, booked_at, status, captured,
            amount, redeemed, commission, cashback, rate, available_at, expires_on, terms, lines, fiscal)
), new_transfers AS (
    INSERT INTO ledger.transfers (posting_id, ordinal, debit, credit, amount, member_id)
    SELECT * FROM unnest(?, ?, ?, ?, ?, ?)
), new_lots AS (
    INSERT INTO ledger.lots (member_id, purchase_id, part, amount, remaining, expired, available_at, expires_on,
        released, held)
    SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
)
UPDATE ledger.balances AS b
SET pending = n.pending, available = n.available, reserved = n.reserved, debt = n.debt
FROM unnest(?, ?, ?, ?, ?) AS n (member_id, pending, available, reserved, debt)
WHERE b.member_id = n.member_id
