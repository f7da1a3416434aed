ANALYZE staged_members (line, membership_number, organisation_id);
-- Of rows with one membership number the first counts.
WITH doubled AS (
    SELECT membership_number, min(line) AS first_line
    FROM staged_members GROUP BY membership_number HAVING count(*) > 1
), gone AS (
    DELETE FROM staged_members AS s USING doubled AS d
    WHERE s.membership_number = d.membership_number AND s.line > d.first_line
    RETURNING s.line, s.raw
)
INSERT INTO refused_rows SELECT line, 'duplicate_number', raw FROM gone;
-- Who left comes back by a decision, not by a file.
WITH gone AS (
    DELETE FROM staged_members AS s USING registry.members AS m
    WHERE m.membership_number = s.membership_number AND m.status = 'left'
    RETURNING s.line, s.raw
)
INSERT INTO refused_rows SELECT line, 'member_left', raw FROM gone;
INSERT INTO changed_members (line, member_id, contacts, phone_before, email_before, moved_from, joined)
SELECT s.line, m.id,
       (s.phone_hash, s.email_hash) IS DISTINCT FROM (m.phone_hash, m.email_hash),
       CASE WHEN (s.phone_hash, s.email_hash) IS DISTINCT FROM (m.phone_hash, m.email_hash) THEN m.phone_sealed END,
       CASE WHEN (s.phone_hash, s.email_hash) IS DISTINCT FROM (m.phone_hash, m.email_hash) THEN m.email_sealed END,
       CASE WHEN s.organisation_id <> m.organisation_id THEN m.organisation_id END,
       s.joined_on <> m.joined_on
FROM staged_members AS s
JOIN registry.members AS m ON m.membership_number = s.membership_number
WHERE (s.organisation_id, s.last_name, s.first_name, s.middle_name, s.sex, s.birth_date,
       s.phone_hash, s.email_hash, s.category, s.position, s.joined_on)
      IS DISTINCT FROM
      (m.organisation_id, m.last_name, m.first_name, m.middle_name, m.sex, m.birth_date,
       m.phone_hash, m.email_hash, m.category, m.position, m.joined_on)
   OR (s.consent_on IS NOT NULL AND NOT EXISTS (
        SELECT FROM registry.consents AS c
        WHERE c.member_id = m.id AND c.purpose = 'personal_data'
          AND c.given_at = s.consent_on::timestamp AT TIME ZONE 'Europe/Moscow'));
ANALYZE changed_members;
