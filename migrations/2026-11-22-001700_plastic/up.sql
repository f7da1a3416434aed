-- Plastic: how organisations' cards look, what was printed when, and what became of each printed card.

CREATE TABLE cards.designs (
    id uuid PRIMARY KEY,
    -- Whose cards look so, and those of everybody below who has none of their own.
    organisation_id uuid NOT NULL REFERENCES registry.organisations,
    base text NOT NULL CHECK (base ~ '^#[0-9a-f]{6}$'),
    accent text NOT NULL CHECK (accent ~ '^#[0-9a-f]{6}$'),
    -- What stands at the top instead of the union's name.
    title text CHECK (char_length(title) BETWEEN 1 AND 120),
    -- Which fields, in order, separated by commas.
    fields text NOT NULL,
    -- A PNG of our own making.
    logo bytea CHECK (octet_length(logo) <= 1048576),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    -- Designs are never changed: a new one takes the place of the old, and printed cards keep theirs.
    retired_at timestamptz
);
CREATE UNIQUE INDEX designs_current ON cards.designs (organisation_id) WHERE retired_at IS NULL;

-- Cards printed together.
CREATE TABLE cards.print_batches (
    id uuid PRIMARY KEY,
    -- What people call it.
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    organisation_id uuid NOT NULL REFERENCES registry.organisations,
    origin text NOT NULL CHECK (origin IN ('office', 'command')),
    status text NOT NULL CHECK (status IN ('made', 'sent', 'received', 'handed_out')),
    cards integer NOT NULL CHECK (cards > 0),
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    -- When its files were complete for the first time.
    files_at timestamptz
);

-- A printed card's body in its batch. A spoiled one is printed again, in another batch and under the same number.
CREATE TABLE cards.print_items (
    batch_id uuid NOT NULL REFERENCES cards.print_batches,
    place integer NOT NULL CHECK (place > 0),
    card_id uuid NOT NULL REFERENCES cards.cards,
    -- Where the holder belonged when it was printed.
    organisation_id uuid NOT NULL REFERENCES registry.organisations,
    -- None is the program's own design.
    design_id uuid REFERENCES cards.designs,
    state text NOT NULL CHECK (state IN ('in_print', 'handed_out', 'spoiled')),
    PRIMARY KEY (batch_id, place)
);
-- A card is in one batch at most, but for bodies that were spoiled.
CREATE UNIQUE INDEX print_items_live ON cards.print_items (card_id) WHERE state <> 'spoiled';
CREATE INDEX print_items_card ON cards.print_items (card_id);
CREATE INDEX print_items_organisation ON cards.print_items (organisation_id, batch_id);

-- What happened to a batch, or to one card of it.
CREATE TABLE cards.print_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES cards.print_batches,
    -- None is the whole batch.
    card_id uuid REFERENCES cards.cards,
    event text NOT NULL CHECK (event IN ('made', 'sent', 'received', 'handed_out', 'spoiled')),
    at timestamptz NOT NULL,
    by_whom text NOT NULL,
    note text CHECK (char_length(note) <= 300)
);
CREATE INDEX print_events_batch ON cards.print_events (batch_id, id);
CREATE INDEX print_events_card ON cards.print_events (card_id, id) WHERE card_id IS NOT NULL;

-- Plastic that may wait to be printed.
CREATE INDEX cards_unprinted ON cards.cards (id) WHERE kind = 'plastic' AND status IN ('ordered', 'issued');
