-- The fraud watch: thresholds, what is counted, cashback held back, and the queue of those who decide.

-- A rule each; a limit that is null does not bind. Seeded, and off until finance turns them on.
CREATE TABLE ledger.fraud_rules (
    rule text PRIMARY KEY CHECK (rule IN ('card_day', 'cashier_day', 'bare_number', 'refund_cycling', 'two_towns',
        'closing_burst', 'own_card')),
    enabled boolean NOT NULL,
    action text NOT NULL CHECK (action IN ('hold', 'watch')),
    most_purchases integer CHECK (most_purchases BETWEEN 0 AND 100000),
    most_amount bigint CHECK (most_amount >= 0),
    minutes integer CHECK (minutes BETWEEN 1 AND 720),
    days integer CHECK (days BETWEEN 1 AND 90),
    hours_from time,
    hours_until time,
    changed_by uuid,
    changed_at timestamptz
);
INSERT INTO ledger.fraud_rules (rule, enabled, action, most_purchases, most_amount, minutes, days, hours_from,
    hours_until) VALUES
    ('card_day', false, 'hold', 20, 10000000, NULL, NULL, NULL, NULL),
    ('cashier_day', false, 'watch', 400, 200000000, NULL, NULL, NULL, NULL),
    ('bare_number', false, 'hold', 10, 5000000, NULL, NULL, NULL, NULL),
    ('refund_cycling', false, 'hold', 5, NULL, NULL, 7, NULL, NULL),
    ('two_towns', false, 'hold', NULL, NULL, 60, NULL, NULL, NULL),
    ('closing_burst', false, 'watch', 10, NULL, 10, NULL, '21:00', '23:00'),
    ('own_card', false, 'hold', NULL, NULL, NULL, NULL, NULL, NULL);

-- What a member, or a cashier, did on a day: counted rather than looked for. A member's rows are guarded by the lock on
-- the member's balances.
CREATE TABLE ledger.fraud_counters (
    subject uuid NOT NULL,
    day date NOT NULL,
    purchases integer NOT NULL,
    amount bigint NOT NULL,
    bare integer NOT NULL,
    bare_amount bigint NOT NULL,
    refunds integer NOT NULL,
    moments timestamptz[] NOT NULL,
    outlets integer[] NOT NULL,
    PRIMARY KEY (subject, day)
) WITH (fillfactor = 80);
COMMENT ON COLUMN ledger.fraud_counters.moments IS 'the latest purchases'' times, each with its outlet beside it';

CREATE TABLE ledger.fraud_cases (
    id uuid PRIMARY KEY,
    purchase_id uuid NOT NULL CONSTRAINT fraud_cases_one_a_purchase UNIQUE,
    member_id uuid NOT NULL,
    card_id uuid,
    outlet_id integer NOT NULL,
    posted_by uuid NOT NULL,
    source text NOT NULL,
    amount bigint NOT NULL,
    cashback bigint NOT NULL,
    evidence jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('held', 'watched', 'released', 'blocked')),
    opened_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by uuid,
    comment text,
    card_blocked boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN ledger.fraud_cases.evidence IS 'each rule that struck: what was seen, and the limit then';
CREATE INDEX fraud_cases_by_status ON ledger.fraud_cases (status, id);
CREATE INDEX fraud_cases_of_member ON ledger.fraud_cases (member_id, id);

-- A held lot waits for a decision: it is neither released nor expired.
ALTER TABLE ledger.lots ADD COLUMN held boolean NOT NULL DEFAULT false;
ALTER TABLE ledger.lots ADD CONSTRAINT lots_held_is_pending CHECK (NOT (held AND released));
DROP INDEX ledger.lots_to_release;
CREATE INDEX lots_to_release ON ledger.lots (available_at) WHERE NOT released AND NOT held;
