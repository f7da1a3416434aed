DROP TABLE platform.till_enrolments;
ALTER TABLE registry.members DROP COLUMN merged_into;
ALTER TABLE ledger.programme DROP COLUMN tiers_lowered_for;
DROP TABLE ledger.tier_progress, ledger.tier_settings;
COMMENT ON COLUMN ledger.lots.purchase_id IS NULL;
ALTER TABLE ledger.transfers DROP CONSTRAINT transfers_check;
ALTER TABLE ledger.transfers ADD CONSTRAINT transfers_check CHECK (debit <> credit);
ALTER TABLE ledger.transfers DROP COLUMN credit_member_id;
DROP TABLE ledger.merged, ledger.adjustments, ledger.freezes;
ALTER TABLE ledger.balances DROP CONSTRAINT balances_standing_check;
ALTER TABLE ledger.balances ADD CONSTRAINT balances_standing_check
    CHECK (standing IN ('enrolled', 'left', 'frozen'));
