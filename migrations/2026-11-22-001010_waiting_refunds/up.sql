-- A refund in a register that came before its sale waits for it: whoever posts the sale finds it here.
CREATE INDEX register_rows_waiting ON ledger.register_rows (outlet, receipt) WHERE reason = 'waits_for_sale';
