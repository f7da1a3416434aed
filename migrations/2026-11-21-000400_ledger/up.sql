-- Exact money: partners, rules, purchases, and the transfers they became. Amounts are whole kopecks, rates millionths.
-- Identifiers are UUIDv7; tables partitioned by month are cut by the time inside their identifiers.
CREATE SCHEMA ledger;

-- The first identifier that could be made at an instant: identifiers carry the millisecond of their making.
CREATE FUNCTION ledger.first_id_of(at timestamptz) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
END $$;

-- An identifier made at an instant, for rows made by the database itself; even, as every posting's is.
CREATE FUNCTION ledger.new_id(at timestamptz) RETURNS uuid
LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS $$
DECLARE
    made bytea := uuid_send(gen_random_uuid());
    moment bytea := uuid_send(ledger.first_id_of(at));
BEGIN
    made := substring(moment FOR 6) || substring(made FROM 7);
    made := set_byte(made, 6, (get_byte(made, 6) & 15) | 112);
    made := set_byte(made, 15, get_byte(made, 15) & 254);
    RETURN encode(made, 'hex')::uuid;
END $$;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger.% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Programme's settings, and the number that grows whenever anything a purchase is judged by changes.
CREATE TABLE ledger.programme (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL DEFAULT 1,
    zone text NOT NULL DEFAULT 'Europe/Moscow',
    excluded_categories text[] NOT NULL DEFAULT '{tobacco,nicotine}'
        CHECK (excluded_categories @> '{tobacco,nicotine}'),
    bare_number_may_redeem boolean NOT NULL DEFAULT false
);
INSERT INTO ledger.programme DEFAULT VALUES;

CREATE TABLE ledger.accounts (
    id integer PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('pending', 'available', 'reserved', 'debt', 'receivable', 'funding', 'commission',
        'vat', 'breakage', 'solidarity', 'payouts', 'bank', 'suspense', 'adjustments', 'expenses', 'losses')),
    owner_kind text NOT NULL CHECK (owner_kind IN ('member', 'partner', 'organisation', 'union')),
    owner text NOT NULL,
    UNIQUE (kind, owner)
);
COMMENT ON COLUMN ledger.accounts.owner IS 'partner''s or organisation''s code; "member" and "union" for the rest';
-- Members' four accounts are four rows here: whose they are stands in each transfer.
INSERT INTO ledger.accounts (id, kind, owner_kind, owner) VALUES
    (1, 'pending', 'member', 'member'), (2, 'available', 'member', 'member'),
    (3, 'reserved', 'member', 'member'), (4, 'debt', 'member', 'member'),
    (11, 'commission', 'union', 'union'), (12, 'vat', 'union', 'union'), (13, 'breakage', 'union', 'union'),
    (14, 'solidarity', 'union', 'union'), (15, 'payouts', 'union', 'union'), (16, 'bank', 'union', 'union'),
    (17, 'suspense', 'union', 'union'), (18, 'adjustments', 'union', 'union'), (19, 'expenses', 'union', 'union'),
    (20, 'losses', 'union', 'union');
CREATE SEQUENCE ledger.account_numbers AS integer START 100;

CREATE TABLE ledger.partners (
    id uuid PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    commission_rate bigint NOT NULL CHECK (commission_rate BETWEEN 0 AND 1000000),
    redeem_share bigint NOT NULL CHECK (redeem_share BETWEEN 0 AND 1000000),
    redeem_least bigint NOT NULL CHECK (redeem_least >= 0),
    fiscal_counts_points boolean NOT NULL,
    receivable integer NOT NULL REFERENCES ledger.accounts,
    created_at timestamptz NOT NULL
);

CREATE TABLE ledger.outlets (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id uuid NOT NULL REFERENCES ledger.partners,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    town text NOT NULL,
    zone text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX outlets_of_partner ON ledger.outlets (partner_id, code);

CREATE TABLE ledger.rules (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    partner_id uuid NOT NULL REFERENCES ledger.partners,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by uuid
);
CREATE INDEX rules_of_partner ON ledger.rules (partner_id, id);

CREATE TABLE ledger.rule_versions (
    rule_id uuid NOT NULL REFERENCES ledger.rules,
    version integer NOT NULL CHECK (version > 0),
    terms jsonb NOT NULL,
    drafted_by uuid NOT NULL,
    drafted_at timestamptz NOT NULL,
    approved_by uuid,
    approved_at timestamptz,
    PRIMARY KEY (rule_id, version),
    CONSTRAINT rule_versions_two_people CHECK (approved_by <> drafted_by),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);

-- How much of a rule's caps is used: over all its versions, by the local date of the purchase.
CREATE TABLE ledger.cap_usage (
    member_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    span text NOT NULL CHECK (span IN ('day', 'month', 'year')),
    period date NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (member_id, rule_id, span, period)
) WITH (fillfactor = 80);
CREATE TABLE ledger.budget_usage (
    rule_id uuid PRIMARY KEY,
    used bigint NOT NULL CHECK (used >= 0)
) WITH (fillfactor = 50);

-- A member's four balances and standing in the programme: one row, written last.
CREATE TABLE ledger.balances (
    member_id uuid PRIMARY KEY,
    pending bigint NOT NULL DEFAULT 0 CHECK (pending >= 0),
    available bigint NOT NULL DEFAULT 0 CHECK (available >= 0),
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    debt bigint NOT NULL DEFAULT 0 CHECK (debt >= 0),
    standing text NOT NULL CHECK (standing IN ('enrolled', 'left', 'frozen')),
    tier text,
    CHECK (debt = 0 OR available = 0)
) WITH (fillfactor = 80);

CREATE TABLE ledger.enrolments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('enrolled', 'left')),
    offer_version text NOT NULL,
    channel text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX enrolments_of_member ON ledger.enrolments (member_id, id);

-- Identity of a purchase, for ever. The outlet's number stands for partner and outlet.
CREATE TABLE ledger.receipts (
    outlet_id integer NOT NULL,
    receipt text NOT NULL,
    purchase_id uuid NOT NULL,
    PRIMARY KEY (outlet_id, receipt)
);
CREATE TABLE ledger.fiscal_receipts (
    drive text NOT NULL,
    document bigint NOT NULL,
    purchase_id uuid NOT NULL,
    PRIMARY KEY (drive, document)
);

CREATE TABLE ledger.purchases (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL,
    outlet_id integer NOT NULL,
    receipt text NOT NULL,
    card_id uuid,
    source text NOT NULL CHECK (source IN ('api', 'till', 'batch', 'register', 'history')),
    posted_by uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    booked_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('posted', 'authorized', 'voided', 'refunded', 'partly_refunded')),
    captured boolean NOT NULL,
    amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000),
    redeemed bigint NOT NULL CHECK (redeemed BETWEEN 0 AND amount),
    redeemed_left bigint NOT NULL CHECK (redeemed_left BETWEEN 0 AND redeemed),
    commission bigint NOT NULL CHECK (commission >= 0),
    commission_left bigint NOT NULL CHECK (commission_left BETWEEN 0 AND commission),
    cashback bigint NOT NULL CHECK (cashback BETWEEN 0 AND amount),
    cashback_left bigint NOT NULL CHECK (cashback_left BETWEEN 0 AND cashback),
    refunded bigint NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
    refunded_by_amount bigint NOT NULL DEFAULT 0 CHECK (refunded_by_amount BETWEEN 0 AND refunded),
    commission_rate bigint NOT NULL,
    available_at timestamptz,
    expires_on date,
    terms jsonb NOT NULL,
    lines jsonb,
    kept jsonb,
    fiscal text
) PARTITION BY RANGE (id);
COMMENT ON COLUMN ledger.purchases.terms IS 'how each rule judged it: frozen when it was posted';
COMMENT ON COLUMN ledger.purchases.kept IS 'what refunds left of each line and each applied rule; null before the first';
CREATE INDEX purchases_of_outlet ON ledger.purchases (outlet_id, occurred_at);
CREATE INDEX purchases_authorized ON ledger.purchases (booked_at) WHERE status = 'authorized';

CREATE TABLE ledger.refunds (
    purchase_id uuid NOT NULL,
    reference text NOT NULL,
    member_id uuid NOT NULL,
    posting_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    lines jsonb,
    fiscal text,
    occurred_at timestamptz NOT NULL,
    booked_at timestamptz NOT NULL,
    PRIMARY KEY (purchase_id, reference)
);

-- Each accrual is a lot, kept until it is spent, taken back or expired.
CREATE TABLE ledger.lots (
    member_id uuid NOT NULL,
    purchase_id uuid NOT NULL,
    part smallint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    remaining bigint NOT NULL CHECK (remaining >= 0 AND remaining <= amount),
    expired bigint NOT NULL DEFAULT 0 CHECK (expired >= 0 AND remaining + expired <= amount),
    available_at timestamptz NOT NULL,
    expires_on date,
    released boolean NOT NULL,
    PRIMARY KEY (member_id, purchase_id, part)
) WITH (fillfactor = 85);
CREATE INDEX lots_to_release ON ledger.lots (available_at) WHERE NOT released;
CREATE INDEX lots_to_expire ON ledger.lots (expires_on) WHERE remaining > 0 AND expires_on IS NOT NULL;

-- Which lots a redemption took from, so that a refund can give back to them.
CREATE TABLE ledger.spendings (
    member_id uuid NOT NULL,
    purchase_id uuid NOT NULL,
    lot_purchase_id uuid NOT NULL,
    lot_part smallint NOT NULL,
    ordinal smallint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    returned bigint NOT NULL DEFAULT 0 CHECK (returned BETWEEN 0 AND amount),
    PRIMARY KEY (purchase_id, ordinal)
);

CREATE TABLE ledger.postings (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('purchase', 'authorise', 'capture', 'void', 'release', 'refund', 'debt_repaid',
        'expire', 'adjustment')),
    member_id uuid,
    purchase_id uuid,
    occurred_at timestamptz NOT NULL,
    booked_at timestamptz NOT NULL,
    booked_on date NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX postings_of_member ON ledger.postings (member_id, id);
CREATE INDEX postings_of_purchase ON ledger.postings (purchase_id) WHERE kind <> 'purchase';

-- One positive amount from the account it debits to the account it credits. `member_id` says whose a member's account is.
CREATE TABLE ledger.transfers (
    posting_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    debit integer NOT NULL,
    credit integer NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    member_id uuid,
    PRIMARY KEY (posting_id, ordinal),
    CHECK (debit <> credit),
    CHECK (member_id IS NOT NULL OR (debit > 4 AND credit > 4))
) PARTITION BY RANGE (posting_id);
CREATE INDEX transfers_by_debit ON ledger.transfers (debit, posting_id) WHERE debit > 4;
CREATE INDEX transfers_by_credit ON ledger.transfers (credit, posting_id) WHERE credit > 4;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- What falls outside every month that was made ahead.
CREATE TABLE ledger.purchases_other PARTITION OF ledger.purchases DEFAULT;
CREATE TABLE ledger.postings_other PARTITION OF ledger.postings DEFAULT;
CREATE TABLE ledger.transfers_other PARTITION OF ledger.transfers DEFAULT;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers_other
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.postings_other
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Makes the months from one date to another; those that exist stay. A month some of whose rows already went to the
-- default partition stays there. The number of partitions made.
CREATE FUNCTION ledger.ensure_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    month date := date_trunc('month', first)::date;
    low uuid;
    high uuid;
    name text;
    taken boolean;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.ensure_partitions', 0));
    WHILE month <= last LOOP
        low := ledger.first_id_of(month::timestamp AT TIME ZONE 'UTC');
        high := ledger.first_id_of((month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        FOREACH parent IN ARRAY ARRAY['purchases', 'postings', 'transfers'] LOOP
            name := parent || '_' || to_char(month, 'YYYY_MM');
            IF to_regclass('ledger.' || name) IS NULL THEN
                EXECUTE format('SELECT EXISTS (SELECT FROM ledger.%I WHERE %I >= $1 AND %I < $2)', parent || '_other',
                    CASE parent WHEN 'transfers' THEN 'posting_id' ELSE 'id' END,
                    CASE parent WHEN 'transfers' THEN 'posting_id' ELSE 'id' END) INTO taken USING low, high;
                IF NOT taken THEN
                    EXECUTE format('CREATE TABLE ledger.%I PARTITION OF ledger.%I FOR VALUES FROM (%L) TO (%L)',
                        name, parent, low, high);
                    IF parent <> 'purchases' THEN
                        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
                            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', name);
                    END IF;
                    made := made + 1;
                END IF;
            END IF;
        END LOOP;
        month := (month + interval '1 month')::date;
    END LOOP;
    RETURN made;
END $$;
SELECT ledger.ensure_partitions(current_date, (current_date + interval '3 months')::date);

-- A partner's register: the file as rows, each with what became of it.
CREATE TABLE ledger.registers (
    id uuid PRIMARY KEY,
    partner_id uuid NOT NULL REFERENCES ledger.partners,
    file_name text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('post', 'compare')),
    history boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    problem text,
    row_count bigint NOT NULL DEFAULT 0,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX registers_of_partner ON ledger.registers (partner_id, id);
CREATE TABLE ledger.register_rows (
    register_id uuid NOT NULL,
    place bigint NOT NULL,
    line bigint,
    kind text,
    outlet text,
    receipt text,
    occurred_at timestamptz,
    holder text,
    amount bigint,
    category text,
    reference text,
    outcome text CHECK (outcome IN ('posted', 'matched', 'amount_differs', 'only_theirs', 'only_ours', 'duplicate',
        'rejected', 'returned')),
    reason text,
    our_amount bigint,
    purchase_id uuid,
    PRIMARY KEY (register_id, place)
);
COMMENT ON COLUMN ledger.register_rows.place IS 'the line in the file; what only we have follows after the last';
COMMENT ON COLUMN ledger.register_rows.holder IS 'card number or membership number as the file gives it';
CREATE INDEX register_rows_open ON ledger.register_rows (register_id, kind DESC, place) WHERE outcome IS NULL;
CREATE INDEX register_rows_by_outcome ON ledger.register_rows (register_id, outcome, place);
