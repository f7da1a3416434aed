UPDATE platform.webhooks AS w
SET failing_since = CASE WHEN tried.well THEN NULL ELSE coalesce(w.failing_since, $5) END,
    -- Who was on its way when a pause was asked for ends it not.
    paused_until = greatest(w.paused_until, tried.paused_until),
    disabled_at = CASE WHEN tried.gone OR (NOT tried.well AND w.failing_since <= $6) THEN $5 END,
    disabled_why = CASE WHEN tried.gone THEN 'gone' WHEN NOT tried.well AND w.failing_since <= $6 THEN 'failing' END
FROM unnest($1, $2, $3, $4) AS tried (id, well, gone, paused_until)
WHERE w.id = tried.id AND w.disabled_at IS NULL
    AND (NOT tried.well OR tried.gone OR w.failing_since IS NOT NULL
        OR tried.paused_until IS NOT NULL)
RETURNING w.id, w.partner_id, w.disabled_at IS NOT NULL AS disabled
