-- Who may sign in, how, and what they did: nothing here lets anybody in by itself. Secrets are hashes, signing keys are
-- derived from the master key.

-- The master key this database was made under. A process with another one must not start: it would seal and sign
-- what nobody could open or check.
CREATE TABLE platform.master_key (
    fingerprint bytea PRIMARY KEY CHECK (octet_length(fingerprint) = 32),
    only_one boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one)
);

-- Ed25519 keys of tokens; each is derived from the master key and its id.
CREATE TABLE platform.signing_keys (
    kid text PRIMARY KEY CHECK (kid ~ '^[A-Za-z0-9_-]{8,32}$'),
    created_at timestamptz NOT NULL,
    -- From then on it signs nothing and its tokens are refused.
    retires_at timestamptz
);

CREATE TABLE platform.staff (
    id uuid PRIMARY KEY,
    -- Lower-cased.
    email text NOT NULL CONSTRAINT staff_email_key UNIQUE CHECK (email <> ''),
    -- Argon2id, in the PHC form.
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('administrator', 'registrar', 'issuer', 'chair', 'finance', 'controller',
        'auditor', 'cashier', 'manager')),
    -- The subtree the role is bound to; none is all roots.
    organisation_code text REFERENCES registry.organisations (code) ON UPDATE CASCADE,
    partner_id uuid,
    -- The outlets' codes a cashier posts for; empty is all of the partner's.
    outlets text[] NOT NULL,
    created_at timestamptz NOT NULL,
    password_changed_at timestamptz NOT NULL,
    disabled_at timestamptz,
    CHECK ((partner_id IS NOT NULL) = (role IN ('cashier', 'manager'))),
    CHECK (partner_id IS NULL OR organisation_code IS NULL),
    CHECK (partner_id IS NOT NULL OR outlets = '{}'),
    CHECK (role <> 'chair' OR organisation_code IS NOT NULL)
);

-- Partners' programs.
CREATE TABLE platform.api_clients (
    id uuid PRIMARY KEY,
    client_id text NOT NULL CONSTRAINT api_clients_client_id_key UNIQUE CHECK (client_id <> ''),
    -- SHA-256 of 32 random bytes: such a secret needs no slow hash.
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    partner_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TABLE platform.sessions (
    id uuid PRIMARY KEY,
    realm text NOT NULL CHECK (realm IN ('member', 'staff')),
    -- A member or a member of staff, by realm.
    subject_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    -- Not renewed beyond this.
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('signed_out', 'token_reused', 'password_changed', 'disabled')),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_subject ON platform.sessions (subject_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ends ON platform.sessions (ends_at);

CREATE TABLE platform.refresh_tokens (
    -- SHA-256 of 32 random bytes.
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id uuid NOT NULL REFERENCES platform.sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    -- A token that comes a second time ends its session.
    used_at timestamptz
);
CREATE INDEX refresh_tokens_session ON platform.refresh_tokens (session_id);

-- The one code that is out for an account. Accounts are keyed hashes of the normalised address, known or not.
CREATE TABLE platform.sign_in_codes (
    account bytea PRIMARY KEY CHECK (octet_length(account) = 32),
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    -- None: the address is nobody's, and no code will do.
    member_id uuid,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_codes_expires ON platform.sign_in_codes (expires_at);

-- Wrong codes and passwords in a row, by account; outlives codes.
CREATE TABLE platform.sign_in_attempts (
    account bytea PRIMARY KEY CHECK (octet_length(account) = 32),
    wrong integer NOT NULL CHECK (wrong >= 0),
    blocked_until timestamptz,
    last_at timestamptz NOT NULL
);
CREATE INDEX sign_in_attempts_last ON platform.sign_in_attempts (last_at);

-- Answers to POSTs with an Idempotency-Key, kept for a day at least.
CREATE TABLE platform.idempotency_keys (
    -- Who asked, and the method and path asked for.
    scope text NOT NULL,
    key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
    started_at timestamptz NOT NULL,
    -- None of the following yet: still running.
    request_hash bytea CHECK (octet_length(request_hash) = 32),
    status smallint,
    content_type text,
    body bytea,
    PRIMARY KEY (scope, key),
    CHECK (num_nulls(request_hash, status, body) IN (0, 3))
);
CREATE INDEX idempotency_keys_started ON platform.idempotency_keys (started_at);

-- What was done by whom; a chain: each row's keyed hash covers the one before. Rows are only ever appended.
CREATE TABLE platform.audit_log (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);
