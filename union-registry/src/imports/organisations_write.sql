-- $1 now. One statement: its parts see the table as it was before.
WITH ids AS (
    SELECT t.code, coalesce(o.id, s.id) AS id
    FROM tree AS t
    LEFT JOIN registry.organisations AS o ON o.code = t.code
    LEFT JOIN staged_organisations AS s ON s.code = t.code
), changed AS (
    UPDATE registry.organisations AS o
    SET name = s.name, search_name = s.search_name, kind = s.kind, inn = s.inn, region_code = s.region_code,
        parent_id = parent.id, path = p.path, updated_at = $1
    FROM staged_organisations AS s
    JOIN paths AS p ON p.code = s.code
    LEFT JOIN ids AS parent ON parent.code = s.parent_code
    WHERE o.code = s.code
      AND (o.name, o.kind, o.inn, o.region_code, o.parent_id)
          IS DISTINCT FROM (s.name, s.kind, s.inn, s.region_code, parent.id)
    RETURNING o.id
), moved AS (
    -- Those that only hang elsewhere because something above them moved.
    UPDATE registry.organisations AS o SET path = p.path, updated_at = $1
    FROM paths AS p LEFT JOIN staged_organisations AS s ON s.code = p.code
    LEFT JOIN ids AS parent ON parent.code = s.parent_code
    WHERE o.code = p.code AND o.path <> p.path
      AND (s.code IS NULL
           OR (o.name, o.kind, o.inn, o.region_code, o.parent_id)
              IS NOT DISTINCT FROM (s.name, s.kind, s.inn, s.region_code, parent.id))
), created AS (
    INSERT INTO registry.organisations (
        id, code, name, search_name, kind, parent_id, path, inn, region_code, created_at, updated_at)
    SELECT s.id, s.code, s.name, s.search_name, s.kind, parent.id, p.path, s.inn, s.region_code, $1, $1
    FROM staged_organisations AS s
    JOIN paths AS p ON p.code = s.code
    LEFT JOIN ids AS parent ON parent.code = s.parent_code
    WHERE NOT EXISTS (SELECT FROM registry.organisations AS o WHERE o.code = s.code)
    RETURNING id
)
SELECT (SELECT count(*) FROM created) AS created, (SELECT count(*) FROM changed) AS updated
