ALTER TABLE ledger.simulations DROP COLUMN attempts;
