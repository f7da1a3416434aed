CREATE INDEX postings_of_member ON ledger.postings (member_id, id);
DROP INDEX ledger.postings_of_member_by_time;
DROP TRIGGER append_only ON platform.audit_log;
DROP FUNCTION platform.refuse_change();
ALTER TABLE platform.idempotency_keys DROP COLUMN location;
DROP INDEX platform.imports_finished;
ALTER TABLE platform.imports DROP COLUMN fault;
DROP TABLE platform.guesses;
