-- $1 now, $2 today (unused here): consents the file tells of, for new members and for changed ones.
WITH told AS (
    INSERT INTO registry.consents (member_id, purpose, text_version, given_at, channel, recorded_at)
    SELECT coalesce(c.member_id, s.id), 'personal_data', 'paper',
           s.consent_on::timestamp AT TIME ZONE 'Europe/Moscow', 'import', $1
    FROM staged_members AS s LEFT JOIN changed_members AS c ON c.line = s.line
    WHERE s.consent_on IS NOT NULL AND $2::date IS NOT NULL
      AND (c.line IS NOT NULL OR EXISTS (SELECT FROM registry.members AS m WHERE m.id = s.id))
    ON CONFLICT DO NOTHING
    RETURNING member_id
)
SELECT count(*) AS rows FROM told
