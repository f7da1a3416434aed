DROP TABLE platform.apple_registrations;
DROP TABLE platform.wallet_updates;
DROP TABLE platform.wallet_passes;
DROP SEQUENCE platform.wallet_marks;
DROP SEQUENCE platform.wallet_tags;
