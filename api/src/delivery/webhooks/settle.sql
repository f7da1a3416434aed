UPDATE platform.webhook_deliveries AS d
SET state = tried.state, due_at = tried.due_at, tried_at = $6, answered = tried.answered, failure = tried.failure
FROM unnest($1, $2, $3, $4, $5) AS tried (id, state, due_at, answered, failure)
WHERE d.id = tried.id
