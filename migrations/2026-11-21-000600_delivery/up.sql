-- What a member wants to be told, and what is still to be told.
CREATE TABLE platform.preferences (
    member_id uuid PRIMARY KEY REFERENCES registry.members,
    daily_digest boolean NOT NULL,
    language text NOT NULL CHECK (language IN ('ru', 'en')),
    updated_at timestamptz NOT NULL
);

-- Letters to be sent, each removed once it is out. No address stands here: it is looked up at sending.
CREATE TABLE platform.deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    letter text NOT NULL CHECK (letter IN ('card_issued', 'cashback_digest')),
    member_id uuid NOT NULL,
    payload jsonb NOT NULL,
    -- What later events are added to while it waits; empty once somebody took it for sending.
    merge_key text CONSTRAINT deliveries_merge_key UNIQUE,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Given up.
    failed_at timestamptz,
    -- The kind of failure, never the server's words: they may hold the address.
    failure text,
    created_at timestamptz NOT NULL
);
CREATE INDEX deliveries_due ON platform.deliveries (due_at) WHERE failed_at IS NULL;
