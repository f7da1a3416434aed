WITH due AS (
    SELECT d.id
    FROM platform.webhooks AS w
    CROSS JOIN LATERAL (
        SELECT id FROM platform.webhook_deliveries
        WHERE webhook_id = w.id AND state = 'waiting' AND due_at <= $1
        ORDER BY due_at, id
        LIMIT $3
        FOR UPDATE SKIP LOCKED
    ) AS d
    WHERE w.disabled_at IS NULL AND (w.paused_until IS NULL OR w.paused_until <= $1) AND w.id <> ALL($5)
    LIMIT $4
)
UPDATE platform.webhook_deliveries AS d SET due_at = $2, attempts = d.attempts + 1
FROM due, platform.webhooks AS w
WHERE d.id = due.id AND w.id = d.webhook_id
RETURNING d.id, d.webhook_id, d.body, d.attempts, w.url, w.secret_version, w.overlap_until
