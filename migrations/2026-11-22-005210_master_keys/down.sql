ALTER TABLE platform.signing_keys DROP COLUMN key_version;
DROP TABLE platform.master_key_versions;
