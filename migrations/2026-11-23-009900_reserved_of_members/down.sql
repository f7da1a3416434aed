DROP INDEX ledger.purchases_reserved;
