DROP INDEX ledger.lots_to_release;
CREATE INDEX lots_to_release ON ledger.lots (available_at) WHERE NOT released;
