-- Changes of rules tried on past purchases: asked, worked off in the background, kept for a month.
CREATE TABLE ledger.simulations (
    id uuid PRIMARY KEY,
    question jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    seen bigint NOT NULL DEFAULT 0,
    total bigint,
    report jsonb,
    problem text,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((status = 'done') = (report IS NOT NULL))
);
CREATE INDEX simulations_waiting ON ledger.simulations (id) WHERE status IN ('queued', 'running');
COMMENT ON COLUMN ledger.simulations.seen IS 'how many of the total purchases have been judged so far';
