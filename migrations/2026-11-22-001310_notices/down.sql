DROP TABLE platform.expiry_notices;
ALTER TABLE platform.preferences DROP COLUMN expiry_notices;
DELETE FROM platform.deliveries WHERE letter IN ('expiry_notice', 'webhook_disabled');
ALTER TABLE platform.deliveries
    DROP CONSTRAINT deliveries_letter_check,
    ADD CONSTRAINT deliveries_letter_check CHECK (letter IN ('card_issued', 'cashback_digest')),
    DROP CONSTRAINT deliveries_one_reader,
    DROP COLUMN staff_id,
    ALTER COLUMN member_id SET NOT NULL;
