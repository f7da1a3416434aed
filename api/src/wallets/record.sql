WITH seen AS (
    SELECT * FROM unnest($1, $2, $3, $4, $5) AS s (provider, card_id, member_id, content, mark)
), locked AS MATERIALIZED (
    SELECT p.provider, p.card_id, p.content <> s.content AS differs, s.member_id, s.content, s.mark
    FROM platform.wallet_passes AS p JOIN seen AS s USING (provider, card_id)
    ORDER BY p.provider, p.card_id
    FOR UPDATE OF p
), changed AS (
    UPDATE platform.wallet_passes AS p
    SET content = l.content, member_id = l.member_id, looked = greatest(p.looked, l.mark),
        tag = CASE WHEN l.differs THEN nextval('platform.wallet_tags') ELSE p.tag END,
        changed_at = CASE WHEN l.differs
            THEN greatest(date_trunc('second', $6), p.changed_at + interval '1 second') ELSE p.changed_at END
    FROM locked AS l
    WHERE p.provider = l.provider AND p.card_id = l.card_id
    RETURNING p.provider, p.card_id, p.tag, l.differs
), told AS (
    -- Apple's wallets are told device by device, others once a pass.
    SELECT c.provider, c.card_id, coalesce(r.device, '') AS device, c.tag
    FROM changed AS c
    LEFT JOIN platform.apple_registrations AS r ON c.provider = 'apple' AND r.card_id = c.card_id
    WHERE c.differs AND c.provider = ANY($7) AND (c.provider <> 'apple' OR r.device IS NOT NULL)
)
INSERT INTO platform.wallet_updates (provider, card_id, device, tag, due_at, created_at)
SELECT provider, card_id, device, tag, $6, $6 FROM told ORDER BY provider, card_id, device
ON CONFLICT ON CONSTRAINT wallet_updates_of DO UPDATE
SET tag = excluded.tag, due_at = excluded.due_at, attempts = 0, failed_at = NULL, failure = NULL
