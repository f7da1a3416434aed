-- $1 now, $2 today (unused here). Who was admitted by hand meanwhile is left alone.
WITH created AS (
    INSERT INTO registry.members (
        id, membership_number, organisation_id, last_name, first_name, middle_name, search_name, sex, birth_date,
        phone_sealed, phone_hash, email_sealed, email_hash, category, position, joined_on, status, created_at, updated_at)
    SELECT s.id, s.membership_number, s.organisation_id, s.last_name, s.first_name, s.middle_name, s.search_name, s.sex,
           s.birth_date, s.phone_sealed, s.phone_hash, s.email_sealed, s.email_hash, s.category, s.position, s.joined_on,
           'active', $1, $1
    FROM staged_members AS s
    WHERE $2::date IS NOT NULL
      AND NOT EXISTS (SELECT FROM registry.members AS m WHERE m.membership_number = s.membership_number)
    ON CONFLICT (membership_number) DO NOTHING
    RETURNING id, organisation_id, joined_on
), begun AS (
    INSERT INTO registry.memberships (member_id, ordinal, organisation_id, standing, from_on, reason, recorded_at)
    SELECT id, 1, organisation_id, 'active', joined_on, 'imported', $1 FROM created
), counted AS (
    UPDATE registry.organisations AS o SET member_count = o.member_count + n.members
    FROM (SELECT organisation_id, count(*)::integer AS members FROM created GROUP BY organisation_id) AS n
    WHERE o.id = n.organisation_id
)
SELECT count(*) AS rows FROM created
