-- Other people's wallets (a bank's app, an aggregator's): who they are, which member let them see what, and the codes and
-- tokens of that consent. Secrets are hashes; access tokens are signed and stand nowhere, but each request asks for its
-- grant.

CREATE TABLE platform.oauth_apps (
    id uuid PRIMARY KEY,
    client_id text NOT NULL CONSTRAINT oauth_apps_client_id_key UNIQUE CHECK (client_id <> ''),
    -- SHA-256 of 32 random bytes. None: a public app, on a phone, that can keep no secret.
    secret_hash bytea CHECK (octet_length(secret_hash) = 32),
    -- As the member reads it.
    name text NOT NULL CHECK (name <> ''),
    -- Where codes may be sent: compared letter by letter.
    redirect_uris text[] NOT NULL CHECK (cardinality(redirect_uris) BETWEEN 1 AND 10),
    -- What it may ask for at most, as in RFC 6749: names with a blank between them.
    scope text NOT NULL CHECK (scope <> ''),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

-- A member's consent to an app.
CREATE TABLE platform.oauth_grants (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES platform.oauth_apps,
    member_id uuid NOT NULL,
    scope text NOT NULL CHECK (scope <> ''),
    granted_at timestamptz NOT NULL,
    -- Since the app took its first token; before that it sees nothing.
    connected_at timestamptz,
    -- When it last took one.
    last_used_at timestamptz,
    -- Then the member is asked anew.
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('member', 'app', 'code_reused', 'token_reused', 'replaced', 'merged')),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX oauth_grants_member ON platform.oauth_grants (member_id, app_id) WHERE ended_at IS NULL;
CREATE INDEX oauth_grants_ends ON platform.oauth_grants (ends_at);

CREATE TABLE platform.oauth_codes (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    grant_id uuid NOT NULL REFERENCES platform.oauth_grants ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    -- PKCE, S256: SHA-256 of the verifier in base64url.
    challenge text NOT NULL CHECK (octet_length(challenge) = 43),
    expires_at timestamptz NOT NULL,
    -- A code that comes a second time ends its grant.
    used_at timestamptz
);
CREATE INDEX oauth_codes_grant ON platform.oauth_codes (grant_id);
CREATE INDEX oauth_codes_expires ON platform.oauth_codes (expires_at);

CREATE TABLE platform.oauth_refresh_tokens (
    -- SHA-256 of 32 random bytes.
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    grant_id uuid NOT NULL REFERENCES platform.oauth_grants ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    -- A token that comes a second time ends its grant.
    used_at timestamptz
);
CREATE INDEX oauth_refresh_tokens_grant ON platform.oauth_refresh_tokens (grant_id);
CREATE INDEX oauth_refresh_tokens_expires ON platform.oauth_refresh_tokens (expires_at);
