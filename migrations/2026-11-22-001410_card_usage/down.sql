DELETE FROM platform.imports WHERE kind = 'aliases';
ALTER TABLE platform.imports DROP CONSTRAINT imports_kind_check;
ALTER TABLE platform.imports ADD CONSTRAINT imports_kind_check CHECK (kind IN ('organisations', 'members'));
DROP TABLE ledger.card_usage;
