-- Another address or phone to sign in with ends a member's sessions, and is told at the old one (sealed in the payload).
ALTER TABLE platform.sessions
    DROP CONSTRAINT sessions_end_reason_check,
    ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('signed_out', 'token_reused', 'password_changed',
        'disabled', 'contact_changed'));
ALTER TABLE platform.deliveries
    DROP CONSTRAINT deliveries_letter_check,
    ADD CONSTRAINT deliveries_letter_check CHECK (letter IN ('card_issued', 'cashback_digest', 'expiry_notice',
        'webhook_disabled', 'claim_decided', 'contact_changed'));
