-- What a member has reserved, asked for when a claim is approved.
CREATE INDEX purchases_reserved ON ledger.purchases (member_id) WHERE status = 'authorized';
