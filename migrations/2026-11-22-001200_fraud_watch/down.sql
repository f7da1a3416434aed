DROP INDEX ledger.lots_to_release;
ALTER TABLE ledger.lots DROP COLUMN held;
CREATE INDEX lots_to_release ON ledger.lots (available_at) WHERE NOT released;
DROP TABLE ledger.fraud_cases;
DROP TABLE ledger.fraud_counters;
DROP TABLE ledger.fraud_rules;
