DROP TABLE ledger.simulations;
