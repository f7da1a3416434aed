WITH given AS (
    SELECT ?::uuid[] AS members, ?::timestamptz AS at, ledger.new_ids_prefix(?::timestamptz) AS prefix
), freed AS (
    UPDATE ledger.lots AS l SET released = true
    WHERE l.member_id = ANY((SELECT members FROM given)::uuid[])
        AND NOT l.released AND l.available_at <= (SELECT at FROM given)
    RETURNING l.member_id, l.purchase_id, l.available_at, l.remaining
), grouped AS MATERIALIZED (
    SELECT member_id, purchase_id, available_at, sum(remaining)::bigint AS amount, gen_random_uuid()::text AS random
    FROM freed WHERE remaining > 0 GROUP BY member_id, purchase_id, available_at
), named AS MATERIALIZED (
    -- Even, as every posting's identifier is, and in order, so that indexes grow at their end.
    SELECT member_id, purchase_id, available_at, amount, ((SELECT prefix FROM given) || substr(random, 16, 20)
        || translate(right(random, 1), '13579bdf', '02468ace'))::uuid AS id
    FROM grouped ORDER BY id
), new_postings AS (
    INSERT INTO ledger.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
    SELECT id, 'release', member_id, purchase_id, available_at, ?, ? FROM named
), new_transfers AS (
    INSERT INTO ledger.transfers (posting_id, ordinal, debit, credit, amount, member_id)
    SELECT id, 0, 1, 2, amount, member_id FROM named
), moved AS (
    UPDATE ledger.balances AS b SET pending = b.pending - s.amount, available = b.available + s.amount
    FROM (SELECT member_id, sum(amount)::bigint AS amount FROM grouped GROUP BY member_id) AS s
    WHERE b.member_id = s.member_id
)
SELECT count(*) FROM freed
