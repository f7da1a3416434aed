-- Cards ordered for everybody of an organisation who has none of the kind: worked off a chunk of members at a time.
CREATE TABLE cards.orders (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES registry.organisations,
    kind text NOT NULL CHECK (kind IN ('virtual', 'plastic')),
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    -- Members when it was placed, the suspended included: about what the two counts below will add up to.
    members bigint NOT NULL CHECK (members >= 0),
    issued bigint NOT NULL DEFAULT 0,
    -- Who had a card of the kind.
    skipped bigint NOT NULL DEFAULT 0,
    -- The last member looked at, by id: a run that was cut off goes on behind it.
    after_member uuid,
    -- The slug of why it was given up.
    problem text,
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK ((status IN ('done', 'failed')) = (ended_at IS NOT NULL)),
    CHECK ((status = 'failed') = (problem IS NOT NULL))
);
-- Asked for twice, it is the same order.
CREATE UNIQUE INDEX orders_under_way ON cards.orders (organisation_id, kind) WHERE status IN ('queued', 'running');
