UPDATE platform.deliveries SET due_at = $2, attempts = attempts + 1, merge_key = NULL
WHERE id IN (
    SELECT id FROM platform.deliveries
    WHERE due_at <= $1 AND failed_at IS NULL
    ORDER BY due_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
RETURNING id, letter, member_id, staff_id, payload, attempts
