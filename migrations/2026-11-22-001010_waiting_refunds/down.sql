DROP INDEX ledger.register_rows_waiting;
