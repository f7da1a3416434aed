-- Cards in phones' wallets: which are out there, what they showed last, and whom to tell that they show something else.

-- The order in which what wallets show changed; a clock would lose the second of two changes in one second.
CREATE SEQUENCE platform.wallet_tags;
-- The order in which passes were marked to be looked at.
CREATE SEQUENCE platform.wallet_marks;

-- A card in a kind of wallet.
CREATE TABLE platform.wallet_passes (
    provider text NOT NULL CHECK (provider IN ('apple', 'google')),
    card_id uuid NOT NULL,
    member_id uuid NOT NULL,
    -- A hash of what it shows.
    content bytea NOT NULL CHECK (octet_length(content) = 32),
    -- The place of its last change in the order of changes.
    tag bigint NOT NULL,
    -- When it last changed: whole seconds, later at every change, so that it serves as Last-Modified.
    changed_at timestamptz NOT NULL,
    -- Something may have changed since what `looked` says.
    mark bigint NOT NULL DEFAULT 0,
    looked bigint NOT NULL DEFAULT 0,
    -- The day whose nightly job marked it last.
    swept_on date NOT NULL DEFAULT '2000-01-01',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (provider, card_id)
);
CREATE INDEX wallet_passes_member ON platform.wallet_passes (member_id);
CREATE INDEX wallet_passes_swept ON platform.wallet_passes (swept_on);
CREATE INDEX wallet_passes_marked ON platform.wallet_passes (mark) WHERE mark > looked;

-- Wallets to be told, each removed once it is told. A change while one waits is told with it.
CREATE TABLE platform.wallet_updates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL,
    card_id uuid NOT NULL,
    -- Which of the devices that hold the pass; empty where the provider tells them itself.
    device text NOT NULL DEFAULT '',
    tag bigint NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Given up; a later change tries again.
    failed_at timestamptz,
    -- The kind of failure: a word of ours.
    failure text,
    created_at timestamptz NOT NULL,
    CONSTRAINT wallet_updates_of UNIQUE (provider, card_id, device),
    FOREIGN KEY (provider, card_id) REFERENCES platform.wallet_passes ON DELETE CASCADE
);
CREATE INDEX wallet_updates_due ON platform.wallet_updates (due_at) WHERE failed_at IS NULL;

-- Devices that hold a pass of Apple's kind and want to hear of its changes. The device's identifier is no identity: a
-- phone has many.
CREATE TABLE platform.apple_registrations (
    device text NOT NULL CHECK (octet_length(device) BETWEEN 1 AND 128),
    card_id uuid NOT NULL,
    push_token text NOT NULL CHECK (octet_length(push_token) BETWEEN 1 AND 256),
    created_at timestamptz NOT NULL,
    -- When the device last registered, asked or fetched.
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (device, card_id)
);
CREATE INDEX apple_registrations_card ON platform.apple_registrations (card_id);
CREATE INDEX apple_registrations_seen ON platform.apple_registrations (seen_at);
