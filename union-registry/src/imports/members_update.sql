-- $1 now, $2 today. Contacts of rows that don't differ in them stay as they are sealed.
WITH updated AS (
    UPDATE registry.members AS m
    SET organisation_id = s.organisation_id, last_name = s.last_name, first_name = s.first_name,
        middle_name = s.middle_name, search_name = s.search_name, sex = s.sex, birth_date = s.birth_date,
        phone_sealed = CASE WHEN c.contacts THEN s.phone_sealed ELSE m.phone_sealed END, phone_hash = s.phone_hash,
        email_sealed = CASE WHEN c.contacts THEN s.email_sealed ELSE m.email_sealed END, email_hash = s.email_hash,
        category = s.category, position = s.position, joined_on = s.joined_on, updated_at = $1
    FROM changed_members AS c JOIN staged_members AS s ON s.line = c.line
    WHERE m.id = c.member_id
    RETURNING m.id
), restarted AS (
    -- A corrected first day corrects the first stretch, as far as that has not ended before.
    UPDATE registry.memberships AS h SET from_on = s.joined_on
    FROM changed_members AS c JOIN staged_members AS s ON s.line = c.line
    WHERE c.joined AND h.member_id = c.member_id AND h.ordinal = 1
      AND (h.until_on IS NULL OR h.until_on >= s.joined_on) AND s.joined_on <= $2
)
SELECT count(*) AS rows FROM updated
