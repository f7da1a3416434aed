SET LOCAL work_mem = '64MB';
DROP TABLE IF EXISTS staged_organisations, refused_rows, tree, paths;
CREATE TEMPORARY TABLE staged_organisations (
    line bigint NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    search_name text NOT NULL,
    kind text NOT NULL,
    parent_code text,
    inn text,
    region_code text,
    raw text NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE refused_rows (
    line bigint NOT NULL,
    reason text NOT NULL,
    raw text NOT NULL
) ON COMMIT DROP;
-- The tree as it will be: what is stored, under what the file says.
CREATE TEMPORARY TABLE tree (
    code text NOT NULL,
    parent_code text,
    line bigint
) ON COMMIT DROP;
-- What of it hangs on a root.
CREATE TEMPORARY TABLE paths (
    code text NOT NULL,
    path text[] NOT NULL
) ON COMMIT DROP;
