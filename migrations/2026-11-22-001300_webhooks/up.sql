-- Webhooks: where partners want to be told what happens, and what is still to be told.

-- Endpoints. No secret stands here: it is derived from the master key, the endpoint's id and the secret's version.
CREATE TABLE platform.webhooks (
    id uuid PRIMARY KEY,
    partner_id uuid NOT NULL,
    url text NOT NULL CHECK (octet_length(url) BETWEEN 1 AND 2048),
    events text[] NOT NULL CHECK (events <> '{}'),
    secret_version integer NOT NULL DEFAULT 1 CHECK (secret_version > 0),
    -- Until then the secret before signs too.
    overlap_until timestamptz,
    created_at timestamptz NOT NULL,
    -- Nothing but failures since then.
    failing_since timestamptz,
    -- The receiver asked for a pause until then.
    paused_until timestamptz,
    disabled_at timestamptz,
    disabled_why text CHECK (disabled_why IN ('failing', 'gone')),
    CONSTRAINT webhooks_partner_url UNIQUE (partner_id, url),
    CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
);

-- What an endpoint is told: kept for a while after it arrived, so that it can be told again.
CREATE TABLE platform.webhook_deliveries (
    -- The message's id on the wire, the same at every try.
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES platform.webhooks ON DELETE CASCADE,
    event text NOT NULL,
    -- Exactly what is signed and sent.
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'parked')),
    -- When to try (again); while it is being sent, when to believe its sender dead.
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    tried_at timestamptz,
    -- The last answer's status, if there was an answer.
    answered smallint,
    -- Why the last try failed: a word of ours, never the receiver's.
    failure text
);
CREATE INDEX webhook_deliveries_due ON platform.webhook_deliveries (webhook_id, due_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_of ON platform.webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_created ON platform.webhook_deliveries (created_at);
