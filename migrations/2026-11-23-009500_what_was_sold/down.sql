DROP FUNCTION ledger.sold(bigint, jsonb);
