ALTER TABLE ledger.postings DROP CONSTRAINT postings_kind_check;
ALTER TABLE ledger.postings ADD CONSTRAINT postings_kind_check CHECK (kind IN ('purchase', 'authorise', 'capture', 'void',
    'release', 'refund', 'debt_repaid', 'expire', 'adjustment'));
