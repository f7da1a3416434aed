UPDATE platform.sessions SET end_reason = 'disabled' WHERE end_reason = 'contact_changed';
DELETE FROM platform.deliveries WHERE letter = 'contact_changed';
ALTER TABLE platform.deliveries
    DROP CONSTRAINT deliveries_letter_check,
    ADD CONSTRAINT deliveries_letter_check CHECK (letter IN ('card_issued', 'cashback_digest', 'expiry_notice',
        'webhook_disabled', 'claim_decided'));
ALTER TABLE platform.sessions
    DROP CONSTRAINT sessions_end_reason_check,
    ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('signed_out', 'token_reused', 'password_changed',
        'disabled'));
