WITH given AS (
    SELECT ?::uuid[] AS members, ?::timestamptz AS at, ?::timestamptz AS now
), locked AS MATERIALIZED (
    SELECT member_id, debt FROM ledger.balances
    WHERE member_id = ANY((SELECT members FROM given)::uuid[]) ORDER BY member_id FOR NO KEY UPDATE
), freed AS (
    UPDATE ledger.lots AS l SET released = true
    FROM locked
    WHERE l.member_id = locked.member_id AND locked.debt = 0
        AND NOT l.released AND NOT l.held AND l.available_at <= (SELECT at FROM given)
    RETURNING l.member_id, l.purchase_id, l.available_at, l.remaining
), grouped AS MATERIALIZED (
    SELECT member_id, purchase_id, available_at, sum(remaining)::bigint AS amount,
        ledger.new_id((SELECT now FROM given)) AS id
    FROM freed WHERE remaining > 0 GROUP BY member_id, purchase_id, available_at
), new_postings AS (
    INSERT INTO ledger.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
    SELECT id, 'release', member_id, purchase_id, available_at, ?, ? FROM grouped
), new_transfers AS (
    INSERT INTO ledger.transfers (posting_id, ordinal, debit, credit, amount, member_id)
    SELECT id, 0, 1, 2, amount, member_id FROM grouped
), moved AS (
    UPDATE ledger.balances AS b SET pending = b.pending - s.amount, available = b.available + s.amount
    FROM (SELECT member_id, sum(amount)::bigint AS amount FROM grouped GROUP BY member_id) AS s
    WHERE b.member_id = s.member_id
)
SELECT count(*) FROM freed
