-- The floor of posting: the rows a purchase leaves, written by one call and nothing judged. The tables are copies of
-- the ledger's with their indexes, constraints and triggers, made before this file runs.
CREATE TABLE floor.outbox (LIKE platform.outbox INCLUDING ALL);

-- post-batch: purchases as arrays; members' sums are made by the caller. Balances are locked in order of members and
-- written last, each row once.
CREATE FUNCTION floor.post_batch(
    ids uuid[], members uuid[], receipts text[], amounts bigint[], commissions bigint[], cashbacks bigint[],
    terms text[], payloads text[], balance_members uuid[], balance_deltas bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    PERFORM FROM floor.balances WHERE member_id = ANY (balance_members) ORDER BY member_id FOR NO KEY UPDATE;
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest(ids, members, receipts, amounts, commissions, cashbacks, terms, payloads)
            AS n (id, member_id, receipt, amount, commission, cashback, terms, payload)
    ), new_receipts AS (
        INSERT INTO floor.receipts (outlet_id, receipt, purchase_id)
        SELECT 1, receipt, id FROM new ON CONFLICT (outlet_id, receipt) DO NOTHING
    ), new_purchases AS (
        INSERT INTO floor.purchases (id, member_id, outlet_id, receipt, card_id, source, posted_by, occurred_at,
            booked_at, status, captured, amount, redeemed, redeemed_left, commission, commission_left, cashback,
            cashback_left, commission_rate, available_at, expires_on, terms)
        SELECT id, member_id, 1, receipt, id, 'api', id, moment, moment, 'posted', true, amount, 0, 0, commission,
            commission, cashback, cashback, 20000, moment + interval '14 days', current_date + 365, terms::jsonb
        FROM new
    ), new_postings AS (
        INSERT INTO floor.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
        SELECT id, 'purchase', member_id, id, moment, moment, current_date FROM new
    ), new_transfers AS (
        INSERT INTO floor.transfers (posting_id, ordinal, debit, credit, amount, member_id)
        SELECT id, 0, 100, 1, cashback, member_id FROM new
        UNION ALL SELECT id, 1, 100, 11, commission, NULL FROM new
    ), new_lots AS (
        INSERT INTO floor.lots (member_id, purchase_id, part, amount, remaining, expired, available_at, expires_on,
            released)
        SELECT member_id, id, 0, cashback, cashback, 0, moment + interval '14 days', current_date + 365, false FROM new
    ), new_events AS (
        INSERT INTO floor.outbox (kind, member_id, payload, occurred_at)
        SELECT 'purchase.posted', member_id, payload::jsonb, moment FROM new
    )
    UPDATE floor.balances AS b SET pending = b.pending + n.delta
    FROM unnest(balance_members, balance_deltas) AS n (member_id, delta)
    WHERE b.member_id = n.member_id;
END $$;

-- post-one: one call a purchase.
CREATE FUNCTION floor.post_one(
    the_id uuid, the_member uuid, the_receipt text, the_amount bigint, the_commission bigint, the_cashback bigint,
    the_terms text, the_payload text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    INSERT INTO floor.receipts (outlet_id, receipt, purchase_id) VALUES (1, the_receipt, the_id)
    ON CONFLICT (outlet_id, receipt) DO NOTHING;
    INSERT INTO floor.purchases (id, member_id, outlet_id, receipt, card_id, source, posted_by, occurred_at, booked_at,
        status, captured, amount, redeemed, redeemed_left, commission, commission_left, cashback, cashback_left,
        commission_rate, available_at, expires_on, terms)
    VALUES (the_id, the_member, 1, the_receipt, the_id, 'api', the_id, moment, moment, 'posted', true, the_amount, 0, 0,
        the_commission, the_commission, the_cashback, the_cashback, 20000, moment + interval '14 days',
        current_date + 365, the_terms::jsonb);
    INSERT INTO floor.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
    VALUES (the_id, 'purchase', the_member, the_id, moment, moment, current_date);
    INSERT INTO floor.transfers (posting_id, ordinal, debit, credit, amount, member_id)
    VALUES (the_id, 0, 100, 1, the_cashback, the_member), (the_id, 1, 100, 11, the_commission, NULL);
    INSERT INTO floor.lots (member_id, purchase_id, part, amount, remaining, expired, available_at, expires_on, released)
    VALUES (the_member, the_id, 0, the_cashback, the_cashback, 0, moment + interval '14 days', current_date + 365,
        false);
    INSERT INTO floor.outbox (kind, member_id, payload, occurred_at)
    VALUES ('purchase.posted', the_member, the_payload::jsonb, moment);
    UPDATE floor.balances SET pending = pending + the_cashback WHERE member_id = the_member;
END $$;
