INSERT INTO platform.webhook_deliveries (id, webhook_id, event, body, created_at, state, due_at)
SELECT id, webhook_id, event, body, $6, state, $6
FROM unnest($1, $2, $3, $4, $5) AS message (id, webhook_id, event, body, state)
