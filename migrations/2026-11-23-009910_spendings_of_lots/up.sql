-- What was spent of a lot: `ledger verify` asks for it where a lot lives longer than its rule says.
CREATE INDEX spendings_of_lot ON ledger.spendings (lot_purchase_id);
