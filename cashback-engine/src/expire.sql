WITH given AS (
    SELECT ?::uuid[] AS members, ?::date AS today, ?::timestamptz AS now
), locked AS MATERIALIZED (
    SELECT member_id FROM ledger.balances
    WHERE member_id = ANY((SELECT members FROM given)::uuid[]) AND standing NOT IN ('frozen', 'frozen_left')
    ORDER BY member_id FOR NO KEY UPDATE
), due AS MATERIALIZED (
    SELECT l.member_id, l.purchase_id, l.part, l.remaining, l.expires_on
    FROM locked JOIN ledger.lots AS l USING (member_id)
    WHERE l.released AND l.remaining > 0 AND l.expires_on < (SELECT today FROM given)
    FOR UPDATE OF l
), emptied AS (
    UPDATE ledger.lots AS l SET remaining = 0, expired = l.expired + due.remaining
    FROM due WHERE l.member_id = due.member_id AND l.purchase_id = due.purchase_id AND l.part = due.part
), grouped AS MATERIALIZED (
    SELECT member_id, purchase_id, expires_on, sum(remaining)::bigint AS amount,
        ledger.new_id((SELECT now FROM given)) AS id
    FROM due GROUP BY member_id, purchase_id, expires_on
), new_postings AS (
    INSERT INTO ledger.postings (id, kind, member_id, purchase_id, occurred_at, booked_at, booked_on)
    SELECT id, 'expire', member_id, purchase_id, expires_on + 1, ?, ? FROM grouped
), new_transfers AS (
    INSERT INTO ledger.transfers (posting_id, ordinal, debit, credit, amount, member_id)
    SELECT id, 0, 2, 13, amount, member_id FROM grouped
), moved AS (
    UPDATE ledger.balances AS b SET available = b.available - s.amount
    FROM (SELECT member_id, sum(amount)::bigint AS amount FROM grouped GROUP BY member_id) AS s
    WHERE b.member_id = s.member_id
)
SELECT count(*) FROM due
