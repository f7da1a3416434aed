DROP INDEX ledger.spendings_of_lot;
