-- How members stand in the programme beyond taking part: frozen, merged, in a tier; and what two people correct in the books.

ALTER TABLE ledger.balances DROP CONSTRAINT balances_standing_check;
ALTER TABLE ledger.balances ADD CONSTRAINT balances_standing_check
    CHECK (standing IN ('enrolled', 'left', 'frozen', 'frozen_left', 'merged'));

-- Each time a member was frozen: by whom, why, and how it ended.
CREATE TABLE ledger.freezes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id uuid NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    frozen_by uuid NOT NULL,
    frozen_at timestamptz NOT NULL,
    end_reason text CHECK (end_reason <> ''),
    ended_by uuid,
    ended_at timestamptz,
    CHECK (num_nulls(end_reason, ended_by, ended_at) IN (0, 3))
);
CREATE UNIQUE INDEX freezes_open ON ledger.freezes (member_id) WHERE ended_at IS NULL;

-- Corrections and write-offs: proposed by one person, posted when another approves.
CREATE TABLE ledger.adjustments (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('adjustment', 'write_off')),
    debit integer NOT NULL REFERENCES ledger.accounts,
    credit integer NOT NULL REFERENCES ledger.accounts,
    -- Whose account it is, where one of the two is a member's.
    member_id uuid,
    amount bigint NOT NULL CHECK (amount > 0),
    -- How many months cashback given by it lives; none: for ever.
    life_months smallint CHECK (life_months > 0),
    -- What the member reads.
    reason text NOT NULL CHECK (reason <> ''),
    -- What it rests on: a letter, a decision, a statement's line.
    evidence text NOT NULL CHECK (evidence <> ''),
    status text NOT NULL CHECK (status IN ('proposed', 'approved', 'declined')),
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    decision_comment text,
    posting_id uuid,
    CONSTRAINT adjustments_two_people CHECK (status <> 'approved' OR decided_by <> proposed_by),
    CHECK (debit <> credit),
    CHECK ((member_id IS NULL) = (debit > 4 AND credit > 4)),
    CHECK ((status = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)),
    CHECK ((status = 'approved') = (posting_id IS NOT NULL))
);
CREATE INDEX adjustments_open ON ledger.adjustments (id) WHERE status = 'proposed';
CREATE INDEX adjustments_of_member ON ledger.adjustments (member_id, id) WHERE member_id IS NOT NULL;
CREATE INDEX adjustments_of_posting ON ledger.adjustments (posting_id) WHERE posting_id IS NOT NULL;

-- Records found to be one person: whose books went where.
CREATE TABLE ledger.merged (
    member_id uuid PRIMARY KEY,
    into_id uuid NOT NULL CHECK (into_id <> member_id),
    -- None where there was nothing to move.
    posting_id uuid,
    merged_by uuid NOT NULL,
    merged_at timestamptz NOT NULL
);
CREATE INDEX merged_into ON ledger.merged (into_id);

-- A merger moves from one member's account to the same account of another: `member_id` is then whose account is
-- debited, `credit_member_id` whose is credited. Empty wherever one member alone is concerned.
ALTER TABLE ledger.transfers ADD COLUMN credit_member_id uuid;
ALTER TABLE ledger.transfers DROP CONSTRAINT transfers_check;
ALTER TABLE ledger.transfers ADD CONSTRAINT transfers_check
    CHECK (debit <> credit OR (credit <= 4 AND credit_member_id <> member_id));

COMMENT ON COLUMN ledger.lots.purchase_id IS 'the purchase that brought it, or the adjustment''s posting';

-- Tiers: settings in versions, the latest approved one in force; what each member bought and earned by month of purchase.
CREATE TABLE ledger.tier_settings (
    version integer PRIMARY KEY CHECK (version > 0),
    terms jsonb NOT NULL,
    drafted_by uuid NOT NULL,
    drafted_at timestamptz NOT NULL,
    approved_by uuid,
    approved_at timestamptz,
    CONSTRAINT tier_settings_two_people CHECK (approved_by <> drafted_by),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);
CREATE TABLE ledger.tier_progress (
    member_id uuid NOT NULL,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    purchases bigint NOT NULL,
    cashback bigint NOT NULL,
    PRIMARY KEY (member_id, month)
) WITH (fillfactor = 80);
COMMENT ON TABLE ledger.tier_progress IS 'kept while tiers are set; reckoned anew when settings are approved';

-- The first day of the period for whose beginning tiers were lowered.
ALTER TABLE ledger.programme ADD COLUMN tiers_lowered_for date;

ALTER TABLE registry.members ADD COLUMN merged_into uuid REFERENCES registry.members;

-- Joining the programme at a till: the code went to the member's own phone or address, the cashier types it in.
CREATE TABLE platform.till_enrolments (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL,
    -- The cashier or program who asked; nobody else can confirm.
    asker text NOT NULL,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    offer_version text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    confirmed_at timestamptz
);
CREATE INDEX till_enrolments_expires ON platform.till_enrolments (expires_at);
