ALTER TABLE ledger.purchases DROP CONSTRAINT purchases_source_check;
ALTER TABLE ledger.purchases ADD CONSTRAINT purchases_source_check
    CHECK (source IN ('api', 'till', 'batch', 'register', 'history'));
ALTER TABLE ledger.programme DROP COLUMN claim_days;
ALTER TABLE ledger.balances DROP COLUMN claims;
DROP TABLE ledger.claims;
DROP TABLE ledger.fiscal_drives;
