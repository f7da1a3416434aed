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
