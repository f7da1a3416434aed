-- Claims: a member shows the fiscal receipt of a purchase that never arrived.

-- Whose fiscal drive it is. A drive sits in one till; when the till moves, the drive is registered anew.
CREATE TABLE ledger.fiscal_drives (
    drive text PRIMARY KEY CHECK (drive ~ '^([0-9]{12}|[0-9]{16})$'),
    outlet_id integer NOT NULL REFERENCES ledger.outlets,
    added_by uuid NOT NULL,
    added_at timestamptz NOT NULL
);
CREATE INDEX fiscal_drives_of_outlet ON ledger.fiscal_drives (outlet_id, drive);

CREATE TABLE ledger.claims (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL,
    raw text NOT NULL,
    drive text NOT NULL,
    document bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000),
    local_time timestamp NOT NULL,
    outlet_id integer REFERENCES ledger.outlets,
    occurred_at timestamptz,
    status text NOT NULL CHECK (status IN ('unmatched', 'waiting', 'approved', 'confirmed', 'declined', 'expired')),
    reason text,
    words text,
    purchase_id uuid,
    receipt_said boolean NOT NULL DEFAULT false,
    arrived_as text,
    in_play boolean NOT NULL,
    filed_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by uuid,
    CHECK ((outlet_id IS NULL) = (occurred_at IS NULL)),
    CHECK ((status IN ('approved', 'confirmed')) = (purchase_id IS NOT NULL)),
    CHECK (status NOT IN ('unmatched', 'waiting') OR in_play)
);
COMMENT ON COLUMN ledger.claims.local_time IS 'as the till wrote it; what instant that was, its outlet''s zone says';
COMMENT ON COLUMN ledger.claims.words IS 'what whoever declined wrote for the member';
COMMENT ON COLUMN ledger.claims.receipt_said IS 'the partner named the till''s receipt, so that a later arrival is known by it';
COMMENT ON COLUMN ledger.claims.arrived_as IS 'the receipt under which the sale arrived after it was approved';
COMMENT ON COLUMN ledger.claims.in_play IS 'a purchase still to come may be the one';
CREATE UNIQUE INDEX claims_live ON ledger.claims (drive, document)
    WHERE status IN ('unmatched', 'waiting', 'approved', 'confirmed');
CREATE INDEX claims_of_member ON ledger.claims (member_id, id);
CREATE INDEX claims_of_outlet ON ledger.claims (outlet_id, id);
CREATE INDEX claims_in_play ON ledger.claims (member_id) WHERE in_play;
CREATE INDEX claims_open ON ledger.claims (filed_at) WHERE in_play;
CREATE INDEX claims_unmatched ON ledger.claims (drive) WHERE status = 'unmatched';
CREATE INDEX claims_of_purchase ON ledger.claims (purchase_id) WHERE purchase_id IS NOT NULL;

-- How many claims of a member are in play: posting reads it with the balances, and looks no further when there are none.
ALTER TABLE ledger.balances ADD COLUMN claims smallint NOT NULL DEFAULT 0 CHECK (claims >= 0);
-- How many days a claim waits before it ends by itself.
ALTER TABLE ledger.programme ADD COLUMN claim_days smallint NOT NULL DEFAULT 14 CHECK (claim_days BETWEEN 1 AND 60);

ALTER TABLE ledger.purchases DROP CONSTRAINT purchases_source_check;
ALTER TABLE ledger.purchases ADD CONSTRAINT purchases_source_check
    CHECK (source IN ('api', 'till', 'batch', 'register', 'history', 'claim'));
