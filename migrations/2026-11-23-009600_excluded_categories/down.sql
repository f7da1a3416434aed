DROP TABLE ledger.former_exclusions;
