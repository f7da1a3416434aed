-- Files that came in over the API, what kind of installation this is, and which nightly jobs have run.
CREATE TABLE platform.imports (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('organisations', 'members')),
    file_name text NOT NULL,
    file_hash bytea NOT NULL,
    path text NOT NULL,
    notify boolean NOT NULL,
    within text,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    report jsonb,
    problem text,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX imports_waiting ON platform.imports (id) WHERE status IN ('queued', 'running');

CREATE TABLE platform.installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    kind text NOT NULL DEFAULT 'live' CHECK (kind IN ('live', 'demo', 'test')),
    seeded_at timestamptz
);
COMMENT ON COLUMN platform.installation.kind IS 'only demo and test take jobs as of a time to come';
INSERT INTO platform.installation DEFAULT VALUES;

CREATE TABLE platform.job_runs (
    job text NOT NULL,
    day date NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (job, day)
);
