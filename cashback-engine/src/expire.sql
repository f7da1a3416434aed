WITH given AS (
    SELECT ?::uuid[] AS members, ?::date AS today, ledger.new_ids_prefix(?::timestamptz) AS prefix
), due AS MATERIALIZED (
    SELECT member_id, purchase_id, part, remaining, expires_on FROM ledger.lots
    WHERE member_id = ANY((SELECT members FROM given)::uuid[])
        AND released AND remaining > 0 AND expires_on < (SELECT today FROM given)
), emptied AS (
    UPDATE ledger.lots AS l SET remaining = 0, expired = l.expired + due.remaining
    FROM due WHERE l.member_id = due.member_id AND l.purchase_id = due.purchase_id AND l.part = due.part
), grouped AS MATERIALIZED (
    SELECT member_id, purchase_id, expires_on, sum(remaining)::bigint AS amount, gen_random_uuid()::text AS random
    FROM due GROUP BY member_id, purchase_id, expires_on
), named AS MATERIALIZED (
    -- Even, as every posting's identifier is, and in order, so that indexes grow at their end.
    SELECT member_id, purchase_id, expires_on, amount, ((SELECT prefix FROM given) || substr(random, 16, 20)
        || translate(right(random, 1), '13579bdf', '02468ace'))::uuid AS id
    FROM grouped ORDER BY id
), new_postings AS (
    INSERT INTO ledger.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
    SELECT id, 'expire', member_id, purchase_id, expires_on + 1, ?, ? FROM named
), new_transfers AS (
    INSERT INTO ledger.transfers (posting_id, ordinal, debit, credit, amount, member_id)
    SELECT id, 0, 2, 13, amount, member_id FROM named
), moved AS (
    UPDATE ledger.balances AS b SET available = b.available - s.amount
    FROM (SELECT member_id, sum(amount)::bigint AS amount FROM grouped GROUP BY member_id) AS s
    WHERE b.member_id = s.member_id
)
SELECT count(*) FROM due
