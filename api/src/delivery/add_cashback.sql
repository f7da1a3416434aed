INSERT INTO platform.deliveries (letter, member_id, payload, merge_key, due_at, created_at)
SELECT 'cashback_digest', member_id, payload, merge_key, due_at, $5
FROM unnest($1, $2, $3, $4) AS day (merge_key, member_id, due_at, payload)
ORDER BY merge_key
ON CONFLICT ON CONSTRAINT deliveries_merge_key DO UPDATE SET payload = jsonb_build_object(
    'purchases', (deliveries.payload ->> 'purchases')::bigint + (excluded.payload ->> 'purchases')::bigint,
    'kopecks', (deliveries.payload ->> 'kopecks')::bigint + (excluded.payload ->> 'kopecks')::bigint
)
