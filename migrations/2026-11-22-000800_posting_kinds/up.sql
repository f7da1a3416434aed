-- The kinds of posting the whole of the programme knows: corrections, mergers, gifts and cashback taken back from fraud.
ALTER TABLE ledger.postings DROP CONSTRAINT postings_kind_check;
ALTER TABLE ledger.postings ADD CONSTRAINT postings_kind_check CHECK (kind IN ('purchase', 'authorise', 'capture', 'void',
    'release', 'refund', 'debt_repaid', 'expire', 'adjustment', 'write_off', 'merge', 'donation', 'clawback'));
