-- What is released holds something: lots that a refund emptied inside their hold are due for nothing.
DROP INDEX ledger.lots_to_release;
CREATE INDEX lots_to_release ON ledger.lots (available_at) WHERE NOT released AND remaining > 0;
