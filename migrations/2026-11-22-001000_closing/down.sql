DROP FUNCTION ledger.new_ids_prefix(timestamptz);
DROP TRIGGER guard_days ON ledger.postings;
DROP FUNCTION ledger.guard_days();
DROP TABLE ledger.finished_jobs;
DROP TABLE ledger.day_totals;
DROP TABLE ledger.closed_days;
ALTER TABLE ledger.postings DROP COLUMN place;
DROP SEQUENCE ledger.posting_order;
