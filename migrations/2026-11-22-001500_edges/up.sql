-- What the edges keep: guesses at cards, why a file was not taken, and an audit log nobody edits by mistake.

-- Card numbers nobody has and live codes that are wrong, counted in windows of time: by who presented them, and by the
-- card a code was for. Subjects are keyed hashes.
CREATE TABLE platform.guesses (
    subject bytea NOT NULL CHECK (octet_length(subject) = 16),
    kind text NOT NULL CHECK (kind IN ('unknown_card', 'wrong_code', 'code_of_card')),
    -- A window begins with its first guess.
    ends_at timestamptz NOT NULL,
    times integer NOT NULL CHECK (times > 0),
    PRIMARY KEY (subject, kind)
);
CREATE INDEX guesses_ends ON platform.guesses (ends_at);

-- Why a file as a whole was not taken, for programs: {"reason", "detail", "line"}.
ALTER TABLE platform.imports ADD COLUMN fault jsonb;
CREATE INDEX imports_finished ON platform.imports (finished_at) WHERE finished_at IS NOT NULL;

-- Where what the first request made is found: told again with its answer.
ALTER TABLE platform.idempotency_keys ADD COLUMN location text;

CREATE FUNCTION platform.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'platform.% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON platform.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

-- A member's operations are shown by when they happened, not by when they were booked.
CREATE INDEX postings_of_member_by_time ON ledger.postings (member_id, occurred_at, id);
DROP INDEX ledger.postings_of_member;
