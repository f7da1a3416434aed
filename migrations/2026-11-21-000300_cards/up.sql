-- One issuer, two kinds of card; the devices that draw live codes; what a till was told about a card.
CREATE SCHEMA cards;

-- The next card's place in programme 01. It does not cycle: a number is never used twice.
CREATE SEQUENCE cards.numbers_01 AS bigint MINVALUE 0 MAXVALUE 999999999 START 0 NO CYCLE;

CREATE TABLE cards.cards (
    id uuid PRIMARY KEY,
    number text COLLATE "C" NOT NULL CONSTRAINT cards_number_key UNIQUE CHECK (number ~ '^9643[0-9]{12}$'),
    member_id uuid NOT NULL REFERENCES registry.members,
    kind text NOT NULL CHECK (kind IN ('virtual', 'plastic')),
    status text NOT NULL CHECK (status IN ('ordered', 'issued', 'active', 'blocked', 'expired')),
    ordered_at timestamptz NOT NULL,
    issued_at timestamptz,
    -- The last day the card is good for.
    expires_on date NOT NULL,
    blocked_at timestamptz,
    block_reason text CHECK (block_reason IN ('lost', 'stolen', 'left', 'fraud')),
    -- Who blocked it: a login or member id, never a name.
    blocked_by text,
    block_comment text,
    CHECK ((status = 'blocked') = (blocked_at IS NOT NULL AND block_reason IS NOT NULL AND blocked_by IS NOT NULL)),
    CHECK ((status = 'ordered') <= (issued_at IS NULL)),
    CHECK (issued_at IS NOT NULL OR status IN ('ordered', 'blocked'))
);
CREATE INDEX cards_member ON cards.cards (member_id);
-- A member has one living card of a kind.
CREATE UNIQUE INDEX cards_one_living ON cards.cards (member_id, kind) WHERE status IN ('ordered', 'issued', 'active');

-- What draws live codes. The secret is derived from the master key, the id and the key version; it is stored nowhere.
CREATE TABLE cards.devices (
    id uuid PRIMARY KEY,
    card_id uuid NOT NULL REFERENCES cards.cards,
    kind text NOT NULL CHECK (kind IN ('server', 'phone', 'google')),
    key_version smallint NOT NULL,
    last_used_step bigint,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX devices_card ON cards.devices (card_id);

-- The answer a till got about a card, good for one purchase of the one who asked.
CREATE TABLE cards.resolutions (
    id uuid PRIMARY KEY,
    card_id uuid NOT NULL REFERENCES cards.cards,
    -- The live code it came from; absent for a bare number.
    device_id uuid REFERENCES cards.devices,
    step bigint,
    asker text NOT NULL CHECK (asker <> ''),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    used_at timestamptz,
    -- The purchase it served.
    used_by uuid,
    CHECK ((device_id IS NULL) = (step IS NULL)),
    CHECK ((used_at IS NULL) = (used_by IS NULL))
);
-- A live code resolves once; the index also finds it again for the same asker.
CREATE UNIQUE INDEX resolutions_code ON cards.resolutions (device_id, step) WHERE step IS NOT NULL;
