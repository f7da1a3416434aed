-- What is released holds something, and isn't held back.
DROP INDEX ledger.lots_to_release;
CREATE INDEX lots_to_release ON ledger.lots (available_at) WHERE NOT released AND NOT held AND remaining > 0;
