-- A member is told what became of a claim.
ALTER TABLE platform.deliveries DROP CONSTRAINT deliveries_letter_check;
ALTER TABLE platform.deliveries ADD CONSTRAINT deliveries_letter_check
    CHECK (letter IN ('card_issued', 'cashback_digest', 'expiry_notice', 'webhook_disabled', 'claim_decided'));
