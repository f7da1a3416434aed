-- Letters to staff beside those to members, and notices of what expires, each told once.
ALTER TABLE platform.deliveries
    ALTER COLUMN member_id DROP NOT NULL,
    -- A login of staff; one of the two.
    ADD COLUMN staff_id uuid,
    ADD CONSTRAINT deliveries_one_reader CHECK (num_nonnulls(member_id, staff_id) = 1),
    DROP CONSTRAINT deliveries_letter_check,
    ADD CONSTRAINT deliveries_letter_check CHECK (letter IN ('card_issued', 'cashback_digest', 'expiry_notice',
        'webhook_disabled'));

ALTER TABLE platform.preferences ADD COLUMN expiry_notices boolean NOT NULL DEFAULT true;

-- What members were told of: the day points expire, and how many days ahead.
CREATE TABLE platform.expiry_notices (
    member_id uuid NOT NULL,
    expires_on date NOT NULL,
    days_ahead smallint NOT NULL CHECK (days_ahead IN (7, 30)),
    told_at timestamptz NOT NULL,
    PRIMARY KEY (member_id, expires_on, days_ahead)
);
CREATE INDEX expiry_notices_expires ON platform.expiry_notices (expires_on);
