-- Commission rates that were: what happened before a change is charged the rate of its moment, however late it comes.
CREATE TABLE ledger.commission_rates (
    partner_id uuid NOT NULL REFERENCES ledger.partners,
    -- Until when (exclusive) it held; the present rate is the partner's own.
    until timestamptz NOT NULL,
    -- Millionths of what is paid.
    rate bigint NOT NULL CHECK (rate BETWEEN 0 AND 1000000),
    PRIMARY KEY (partner_id, until)
);
