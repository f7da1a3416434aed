-- $1 now, $2 today: who moved leaves the old organisation today and belongs to the new one from today.
WITH closed AS (
    UPDATE registry.memberships AS h SET until_on = $2, end_reason = 'transferred'
    FROM changed_members AS c
    WHERE c.moved_from IS NOT NULL AND h.member_id = c.member_id AND h.until_on IS NULL
    RETURNING h.member_id, h.ordinal, h.standing, c.line, c.moved_from
), opened AS (
    INSERT INTO registry.memberships (member_id, ordinal, organisation_id, standing, from_on, reason, recorded_at)
    SELECT k.member_id, (k.ordinal + 1)::smallint, s.organisation_id, k.standing, $2, 'transferred', $1
    FROM closed AS k JOIN staged_members AS s ON s.line = k.line
    RETURNING organisation_id
), changes AS (
    SELECT organisation_id, sum(change) AS change
    FROM (SELECT organisation_id, 1 AS change FROM opened UNION ALL SELECT moved_from, -1 FROM closed) AS one
    GROUP BY organisation_id
), counted AS (
    UPDATE registry.organisations AS o SET member_count = o.member_count + x.change::integer
    FROM changes AS x WHERE o.id = x.organisation_id
)
SELECT count(*) AS rows FROM closed
