-- Who belongs outside the importer's subtree is not theirs to touch.
WITH gone AS (
    DELETE FROM staged_members AS s USING registry.members AS m, registry.organisations AS o
    WHERE m.membership_number = s.membership_number AND o.id = m.organisation_id AND NOT o.path @> ARRAY[$1]
    RETURNING s.line, s.raw
)
INSERT INTO refused_rows SELECT line, 'member_elsewhere', raw FROM gone
