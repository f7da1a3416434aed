-- The life of a card: who asked for it, family cards and their limits, reissue, what happened to it; other numbers it
-- answers to; key versions of numbers; names of devices; what tills without network must refuse.

ALTER TABLE cards.cards
    -- A login or member id; none for cards the program issues by itself.
    ADD COLUMN ordered_by text,
    -- Whose hands a family card is in; none is the member's own. No name: a card knows nobody.
    ADD COLUMN relation text CHECK (relation IN ('spouse', 'child')),
    -- A family card's limits; none is without.
    ADD COLUMN earn_per_day integer CHECK (earn_per_day >= 0),
    ADD COLUMN earn_per_month integer CHECK (earn_per_month >= 0),
    -- Kopecks.
    ADD COLUMN redeem_per_day bigint CHECK (redeem_per_day >= 0),
    ADD COLUMN redeem_per_month bigint CHECK (redeem_per_month >= 0),
    -- The card it was issued instead of.
    ADD COLUMN replaces uuid CONSTRAINT cards_replaced_once UNIQUE REFERENCES cards.cards,
    ADD CONSTRAINT cards_own_without_limits CHECK (relation IS NOT NULL
        OR num_nonnulls(earn_per_day, earn_per_month, redeem_per_day, redeem_per_month) = 0);

ALTER TABLE cards.cards DROP CONSTRAINT cards_block_reason_check;
ALTER TABLE cards.cards ADD CONSTRAINT cards_block_reason_check
    CHECK (block_reason IN ('lost', 'stolen', 'left', 'fraud', 'replaced'));

-- A member has one living card of a kind of their own, and any number of family cards.
DROP INDEX cards.cards_one_living;
CREATE UNIQUE INDEX cards_one_living ON cards.cards (member_id, kind)
    WHERE status IN ('ordered', 'issued', 'active') AND relation IS NULL;

-- What happened to a card after it was asked for (which its own row tells).
CREATE TABLE cards.history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    card_id uuid NOT NULL REFERENCES cards.cards,
    at timestamptz NOT NULL,
    event text NOT NULL CHECK (event IN ('issued', 'activated', 'blocked', 'expired', 'reissued', 'limits_changed',
        'device_added', 'device_revoked', 'alias_added', 'alias_removed')),
    -- A login or member id; none for what the program does by itself.
    by_whom text,
    -- Why it was blocked.
    reason text,
    -- What was written about it, or the device, card or alias concerned.
    note text
);
CREATE INDEX history_card ON cards.history (card_id, id);
INSERT INTO cards.history (card_id, at, event, by_whom, reason, note)
    SELECT id, blocked_at, 'blocked', blocked_by, block_reason, block_comment FROM cards.cards
    WHERE status = 'blocked' ORDER BY blocked_at;

-- Other numbers a card answers to: those of older systems. One that names several cards is ambiguous and finds none.
CREATE TABLE cards.aliases (
    alias text COLLATE "C" NOT NULL CHECK (char_length(alias) BETWEEN 1 AND 32),
    card_id uuid NOT NULL REFERENCES cards.cards,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    PRIMARY KEY (alias, card_id)
);
CREATE INDEX aliases_card ON cards.aliases (card_id);

-- Key versions of numbers: each pair of digits has an FF1 key and a sequence `numbers_<pair>` of its own. The one opened
-- last issues.
CREATE TABLE cards.programmes (
    pair text COLLATE "C" PRIMARY KEY CHECK (pair ~ '^[0-9]{2}$'),
    opened_at timestamptz NOT NULL
);
INSERT INTO cards.programmes VALUES ('01', '2026-01-01Z');

ALTER TABLE cards.devices ADD COLUMN name text NOT NULL DEFAULT '' CHECK (char_length(name) <= 64);

-- Whether a till was told of a proof, which never redeems.
ALTER TABLE cards.resolutions ADD COLUMN by_proof boolean NOT NULL DEFAULT false;

-- What tills without network must refuse before their proofs run out, in the order of commits. Numbers are hashed.
CREATE TABLE cards.revocations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    card bytea NOT NULL CHECK (octet_length(card) = 12),
    -- A lifted suspension makes a card good again.
    revoked boolean NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX revocations_at ON cards.revocations (at);
