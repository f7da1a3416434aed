-- What a family card has used of its limits, by the local date of purchases; written only for cards that have limits.
CREATE TABLE ledger.card_usage (
    card_id uuid NOT NULL,
    member_id uuid NOT NULL,
    span text NOT NULL CHECK (span IN ('day', 'month')),
    -- First day of the day or month.
    period date NOT NULL,
    -- Purchases that earned.
    earned integer NOT NULL CHECK (earned >= 0),
    -- Kopecks paid with points.
    redeemed bigint NOT NULL CHECK (redeemed >= 0),
    PRIMARY KEY (card_id, span, period)
) WITH (fillfactor = 80);

-- Files of other numbers of cards.
ALTER TABLE platform.imports DROP CONSTRAINT imports_kind_check;
ALTER TABLE platform.imports ADD CONSTRAINT imports_kind_check CHECK (kind IN ('organisations', 'members', 'aliases'));
