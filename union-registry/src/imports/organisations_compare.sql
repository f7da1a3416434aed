ANALYZE staged_organisations (line, code, parent_code);
-- Of rows with one code the first counts.
WITH doubled AS (
    SELECT code, min(line) AS first_line FROM staged_organisations GROUP BY code HAVING count(*) > 1
), gone AS (
    DELETE FROM staged_organisations AS s USING doubled AS d
    WHERE s.code = d.code AND s.line > d.first_line
    RETURNING s.line, s.raw
)
INSERT INTO refused_rows SELECT line, 'duplicate_code', raw FROM gone;
TRUNCATE tree, paths;
INSERT INTO tree (code, parent_code, line)
SELECT coalesce(s.code, o.code),
       CASE WHEN s.code IS NOT NULL THEN s.parent_code ELSE o.path[cardinality(o.path) - 1] END,
       s.line
FROM registry.organisations AS o FULL JOIN staged_organisations AS s ON s.code = o.code;
ANALYZE tree (code, parent_code);
-- Each has one parent, so what hangs on a root is on no cycle and the walk ends.
INSERT INTO paths (code, path)
WITH RECURSIVE walk AS (
    SELECT code, ARRAY[code] AS path FROM tree WHERE parent_code IS NULL
    UNION ALL
    SELECT t.code, w.path || t.code FROM walk AS w JOIN tree AS t ON t.parent_code = w.code
)
SELECT code, path FROM walk;
ANALYZE paths (code);
-- What hangs on no root hangs on an unknown parent or on a cycle; what hangs too deep is refused as well.
WITH RECURSIVE orphans AS (
    SELECT t.code FROM tree AS t
    WHERE t.parent_code IS NOT NULL AND NOT EXISTS (SELECT FROM tree AS p WHERE p.code = t.parent_code)
    UNION ALL
    SELECT t.code FROM orphans AS o JOIN tree AS t ON t.parent_code = o.code
), wrong AS (
    SELECT t.line,
           CASE WHEN p.code IS NOT NULL THEN 'too_deep'
                WHEN EXISTS (SELECT FROM orphans AS o WHERE o.code = t.code) THEN 'unknown_parent'
                ELSE 'cycle' END AS reason
    FROM tree AS t LEFT JOIN paths AS p ON p.code = t.code
    WHERE t.line IS NOT NULL AND (p.code IS NULL OR cardinality(p.path) > 16)
), gone AS (
    DELETE FROM staged_organisations AS s USING wrong AS w WHERE s.line = w.line
    RETURNING s.line, w.reason, s.raw
)
INSERT INTO refused_rows SELECT line, reason, raw FROM gone;
