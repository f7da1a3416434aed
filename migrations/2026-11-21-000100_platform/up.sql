-- What every part uses: events told once.
CREATE SCHEMA platform;

CREATE TABLE platform.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    member_id uuid,
    payload jsonb NOT NULL,
    occurred_at timestamptz NOT NULL
);
