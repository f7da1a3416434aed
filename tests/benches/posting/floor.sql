-- The floor of posting: the rows a purchase leaves, written by one call and nothing judged or read. The tables are copies
-- of the ledger's with their indexes, constraints, partitions and room for updates.
CREATE SCHEMA floor;
DO $$
DECLARE
    source regclass;
    room text;
    part record;
BEGIN
    FOREACH source IN ARRAY ARRAY['ledger.receipts', 'ledger.purchases', 'ledger.postings', 'ledger.transfers',
        'ledger.lots', 'ledger.balances', 'ledger.cap_usage', 'ledger.budget_usage', 'ledger.fraud_counters',
        'platform.outbox']::regclass[] LOOP
        EXECUTE format('CREATE TABLE floor.%1$I (LIKE %2$s INCLUDING ALL) %3$s', split_part(source::text, '.', 2), source,
            'PARTITION BY ' || pg_get_partkeydef(source));
        SELECT array_to_string(reloptions, ', ') INTO room FROM pg_class WHERE oid = source;
        IF room <> '' THEN
            EXECUTE format('ALTER TABLE floor.%I SET (%s)', split_part(source::text, '.', 2), room);
        END IF;
        FOR part IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound
            FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = source LOOP
            EXECUTE format('CREATE TABLE floor.%I PARTITION OF floor.%I %s', part.relname,
                split_part(source::text, '.', 2), part.bound);
        END LOOP;
    END LOOP;
END $$;

-- A budget for each of a hundred partners.
INSERT INTO floor.budget_usage SELECT md5(place::text)::uuid, 0 FROM generate_series(0, 99) AS place;
CREATE FUNCTION floor.budget_of(receipt text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT md5((abs(hashtext(receipt)) % 100)::text)::uuid
$$;

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
    PERFORM FROM floor.budget_usage WHERE rule_id = ANY (SELECT floor.budget_of(r) FROM unnest(receipts) AS r)
    ORDER BY rule_id FOR NO KEY UPDATE;
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest(ids, members, receipts, amounts, commissions, cashbacks, terms, payloads)
            AS n (id, member_id, receipt, amount, commission, cashback, judged, payload)
    ), new_receipts AS (
        INSERT INTO floor.receipts (outlet_id, receipt, purchase_id)
        SELECT 1, receipt, id FROM new ON CONFLICT (outlet_id, receipt) DO NOTHING
    ), new_purchases AS (
        INSERT INTO floor.purchases (id, member_id, outlet_id, receipt, card_id, source, posted_by, occurred_at,
            booked_at, status, captured, amount, redeemed, redeemed_left, commission, commission_left, cashback,
            cashback_left, commission_rate, available_at, expires_on, terms)
        SELECT id, member_id, 1, receipt, id, 'api', id, moment, moment, 'posted', true, amount, 0, 0, commission,
            commission, cashback, cashback, 20000, moment + interval '14 days', current_date + 365, judged::jsonb
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
    ), new_caps AS (
        INSERT INTO floor.cap_usage AS c (member_id, rule_id, span, period, used)
        SELECT member_id, md5('cap')::uuid, 'month', date_trunc('month', moment)::date, sum(1000) FROM new
        WHERE amount >= 300000 GROUP BY member_id ORDER BY member_id
        ON CONFLICT (member_id, rule_id, span, period) DO UPDATE SET used = c.used + excluded.used
    ), new_counters AS (
        INSERT INTO floor.fraud_counters AS c
            (subject, day, purchases, amount, bare, bare_amount, refunds, moments, outlets)
        SELECT member_id, current_date, count(*), sum(amount), 0, 0, 0, array_agg(moment), array_agg(1)
        FROM new GROUP BY member_id ORDER BY member_id
        ON CONFLICT (subject, day) DO UPDATE SET purchases = c.purchases + excluded.purchases,
            amount = c.amount + excluded.amount, moments = c.moments || excluded.moments,
            outlets = c.outlets || excluded.outlets
    ), new_budgets AS (
        UPDATE floor.budget_usage AS b SET used = b.used + n.used
        FROM (SELECT floor.budget_of(receipt) AS rule_id, sum(2000) AS used FROM new GROUP BY 1) AS n
        WHERE b.rule_id = n.rule_id
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
    IF the_amount >= 300000 THEN
        INSERT INTO floor.cap_usage AS c (member_id, rule_id, span, period, used)
        VALUES (the_member, md5('cap')::uuid, 'month', date_trunc('month', moment)::date, 1000)
        ON CONFLICT (member_id, rule_id, span, period) DO UPDATE SET used = c.used + excluded.used;
    END IF;
    INSERT INTO floor.fraud_counters AS c (subject, day, purchases, amount, bare, bare_amount, refunds, moments, outlets)
    VALUES (the_member, current_date, 1, the_amount, 0, 0, 0, ARRAY[moment], ARRAY[1])
    ON CONFLICT (subject, day) DO UPDATE SET purchases = c.purchases + 1, amount = c.amount + excluded.amount,
        moments = c.moments || excluded.moments, outlets = c.outlets || excluded.outlets;
    UPDATE floor.budget_usage SET used = used + 2000 WHERE rule_id = floor.budget_of(the_receipt);
    INSERT INTO floor.outbox (kind, member_id, payload, occurred_at)
    VALUES ('purchase.posted', the_member, the_payload::jsonb, moment);
    UPDATE floor.balances SET pending = pending + the_cashback WHERE member_id = the_member;
END $$;
