-- Excluded categories that were: what happened before a change is judged by the list of its moment, however late it comes.
CREATE TABLE ledger.former_exclusions (
    -- Until when (exclusive) the list held; the present one is the programme's.
    until timestamptz PRIMARY KEY,
    categories text[] NOT NULL CHECK (categories @> '{tobacco,nicotine}')
);
