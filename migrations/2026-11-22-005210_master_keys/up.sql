-- The master key's later versions; the first one's fingerprint is platform.master_key's. The newest is the current one.
CREATE TABLE platform.master_key_versions (
    version smallint PRIMARY KEY CHECK (version BETWEEN 2 AND 100),
    fingerprint bytea NOT NULL UNIQUE CHECK (octet_length(fingerprint) = 32),
    -- Entries of the audit log from this one on are hashed under it.
    audit_from bigint NOT NULL,
    current_since timestamptz NOT NULL,
    -- When nothing was left that an older version had sealed.
    resealed_at timestamptz
);
-- Under which version a key of tokens is derived.
ALTER TABLE platform.signing_keys ADD COLUMN key_version smallint NOT NULL DEFAULT 1;
