DROP FUNCTION ledger.receipt_sum(bigint, bigint, jsonb, boolean);
DROP FUNCTION ledger.sold(bigint, jsonb);
