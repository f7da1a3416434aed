-- Closed days: what every account came to by a day's end, and a hash over all that was posted on it, chained. A day is
-- closed once, in order, and takes no posting afterwards.

-- The order of posting: drawn under the locks that posting holds, where identifiers carry only the time a transaction
-- began. Postings made before this migration have none and come first, in the order of their identifiers.
CREATE SEQUENCE ledger.posting_order;
ALTER TABLE ledger.postings ADD COLUMN place bigint;
ALTER TABLE ledger.postings ALTER COLUMN place SET DEFAULT nextval('ledger.posting_order');
COMMENT ON COLUMN ledger.postings.place IS 'the order of posting, where two transactions met at one member or budget';

CREATE TABLE ledger.closed_days (
    day date PRIMARY KEY,
    first_id uuid NOT NULL,
    end_id uuid NOT NULL,
    postings bigint NOT NULL CHECK (postings >= 0),
    transfers bigint NOT NULL CHECK (transfers >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    closed_at timestamptz NOT NULL,
    CHECK (first_id < end_id)
);
COMMENT ON COLUMN ledger.closed_days.first_id IS 'identifiers from here on are of this day; the first day has all before it';
COMMENT ON COLUMN ledger.closed_days.end_id IS 'the first identifier of the next day';

-- What a day moved on each account it touched, and all days up to it. Members' four accounts are four rows.
CREATE TABLE ledger.day_totals (
    account integer NOT NULL,
    day date NOT NULL,
    debit bigint NOT NULL CHECK (debit >= 0),
    credit bigint NOT NULL CHECK (credit >= 0),
    debit_total bigint NOT NULL CHECK (debit_total >= debit),
    credit_total bigint NOT NULL CHECK (credit_total >= credit),
    PRIMARY KEY (account, day)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.closed_days
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.day_totals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- How far each job that ran to its end has judged.
CREATE TABLE ledger.finished_jobs (
    job text PRIMARY KEY,
    judged_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL
);

-- A posting belongs to the day of its commit: whoever posts holds its day open until then, whoever closes a day waits
-- for them, and who comes later than that begins anew (40001: try again). A posting's day is its identifier's too, so
-- that a stretch of days is a stretch of identifiers.
CREATE FUNCTION ledger.guard_days() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    of_programme text;
    posted date;
    low uuid;
    high uuid;
BEGIN
    FOR posted IN SELECT DISTINCT booked_on FROM added LOOP
        PERFORM pg_advisory_xact_lock_shared(1684109683, posted - DATE '2000-01-01');
        IF posted <= (SELECT max(day) FROM ledger.closed_days) THEN
            RAISE EXCEPTION 'ledger: % is closed', posted USING ERRCODE = 'serialization_failure';
        END IF;
        SELECT zone INTO of_programme FROM ledger.programme;
        low := ledger.first_id_of(posted::timestamp AT TIME ZONE of_programme);
        high := ledger.first_id_of((posted + 1)::timestamp AT TIME ZONE of_programme);
        IF EXISTS (SELECT FROM added WHERE booked_on = posted AND (id < low OR id >= high)) THEN
            RAISE EXCEPTION 'ledger: a posting of % is of another day', posted USING ERRCODE = 'serialization_failure';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_days AFTER INSERT ON ledger.postings REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_days();

-- An identifier of the kind `new_id` makes, for statements that make a million: even, and random within its millisecond.
CREATE FUNCTION ledger.new_ids_prefix(at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT left(ledger.first_id_of(at)::text, 14) || '7'
$$;
