-- The floor of ledgers that keep a running balance of every account (as pgledger does): a transfer locks both accounts in
-- order, moves their balances and writes itself with an entry for each side, before and after. 20,000 accounts.
CREATE TABLE floor.running_accounts (
    id text PRIMARY KEY, name text NOT NULL, currency text NOT NULL, balance numeric NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE floor.running_transfers (
    id text PRIMARY KEY, from_account text NOT NULL REFERENCES floor.running_accounts,
    to_account text NOT NULL REFERENCES floor.running_accounts, amount numeric NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL, event_at timestamptz NOT NULL, metadata jsonb
);
CREATE INDEX ON floor.running_transfers (from_account);
CREATE INDEX ON floor.running_transfers (to_account);
CREATE TABLE floor.running_entries (
    id text PRIMARY KEY, account text NOT NULL REFERENCES floor.running_accounts,
    transfer text NOT NULL REFERENCES floor.running_transfers, amount numeric NOT NULL,
    balance_before numeric NOT NULL, balance_after numeric NOT NULL, version bigint NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX ON floor.running_entries (account);
CREATE INDEX ON floor.running_entries (transfer);
INSERT INTO floor.running_accounts (id, name, currency)
SELECT 'account_' || place, 'account ' || place, 'RUB' FROM generate_series(0, 19999) AS place;

CREATE FUNCTION floor.running_transfer(from_id text, to_id text, kopecks bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    rubles numeric := kopecks / 100.0;
    transfer text := gen_random_uuid();
BEGIN
    PERFORM FROM floor.running_accounts WHERE id IN (from_id, to_id) ORDER BY id FOR UPDATE;
    INSERT INTO floor.running_transfers VALUES (transfer, from_id, to_id, rubles, moment, moment, NULL);
    WITH moved AS (
        UPDATE floor.running_accounts SET version = version + 1, updated_at = moment,
            balance = balance + CASE id WHEN from_id THEN -rubles ELSE rubles END
        WHERE id IN (from_id, to_id) RETURNING *
    )
    INSERT INTO floor.running_entries
    SELECT gen_random_uuid(), m.id, transfer, t.amount, m.balance - t.amount, m.balance, m.version, moment
    FROM moved AS m CROSS JOIN LATERAL (SELECT CASE m.id WHEN from_id THEN -rubles ELSE rubles END AS amount) AS t;
END $$;
