DROP TABLE ledger.commission_rates;
