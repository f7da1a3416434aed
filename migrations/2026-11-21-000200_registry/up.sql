-- Who belongs to the union: the tree of organisations, its members, where they belonged on any day, what they consented to.
CREATE SCHEMA registry;

CREATE TABLE registry.organisations (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT organisations_code_key UNIQUE CHECK (code <> ''),
    name text NOT NULL CHECK (name <> ''),
    -- The name and code lower-cased, ё as е: what a search looks at.
    search_name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('central', 'regional', 'territorial', 'primary', 'group')),
    parent_id uuid REFERENCES registry.organisations,
    -- Codes from the root down to this organisation's own, so that ancestors and subtrees need no recursion.
    path text[] NOT NULL CHECK (path[cardinality(path)] = code),
    inn text CHECK (inn ~ '^([0-9]{10}|[0-9]{12})$'),
    region_code text,
    opened_on date,
    closed_on date,
    -- Members (not left) of this organisation itself, kept by whoever moves them.
    member_count integer NOT NULL DEFAULT 0 CHECK (member_count >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
    -- Room for counts to change without touching the indexes.
) WITH (fillfactor = 70);
CREATE INDEX organisations_parent ON registry.organisations (parent_id);
CREATE INDEX organisations_path ON registry.organisations USING gin (path);

CREATE TABLE registry.members (
    id uuid PRIMARY KEY,
    membership_number text NOT NULL CONSTRAINT members_membership_number_key UNIQUE CHECK (membership_number <> ''),
    -- Where the member belongs today, or belonged last.
    organisation_id uuid NOT NULL REFERENCES registry.organisations,
    last_name text NOT NULL,
    first_name text NOT NULL,
    middle_name text NOT NULL,
    -- The three names lower-cased, ё as е, one blank between words.
    search_name text COLLATE "C" NOT NULL,
    sex text CHECK (sex IN ('female', 'male')),
    birth_date date,
    -- Sealed with the row's id as associated data; looked up by the first 64 bits of a keyed hash.
    phone_sealed bytea,
    phone_hash bigint,
    email_sealed bytea,
    email_hash bigint,
    category text NOT NULL CHECK (category IN ('worker', 'student', 'pensioner', 'unspecified')),
    position text NOT NULL,
    joined_on date NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'left')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((phone_sealed IS NULL) = (phone_hash IS NULL)),
    CHECK ((email_sealed IS NULL) = (email_hash IS NULL))
);
CREATE INDEX members_organisation ON registry.members (organisation_id);
CREATE INDEX members_phone_hash ON registry.members (phone_hash) WHERE phone_hash IS NOT NULL;
CREATE INDEX members_email_hash ON registry.members (email_hash) WHERE email_hash IS NOT NULL;
CREATE INDEX members_by_name ON registry.members (search_name, id);
CREATE INDEX members_name_words ON registry.members USING gin (array_to_tsvector(string_to_array(search_name, ' ')));

-- One row a stretch of days in one organisation with one standing: [from_on, until_on). A day without a row is a day
-- outside the union. Rows are closed, never changed. Members and organisations are never deleted, and both ids come from
-- rows just read or written: foreign keys here would double the time of an import and catch nothing.
CREATE TABLE registry.memberships (
    member_id uuid NOT NULL,
    -- The member's first, second... stretch.
    ordinal smallint NOT NULL CHECK (ordinal > 0),
    organisation_id uuid NOT NULL,
    standing text NOT NULL CHECK (standing IN ('active', 'suspended')),
    from_on date NOT NULL,
    until_on date CHECK (until_on >= from_on),
    reason text NOT NULL CHECK (reason IN ('admitted', 'imported', 'transferred', 'suspended', 'resumed', 'returned')),
    end_reason text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (member_id, ordinal),
    CHECK ((until_on IS NULL) = (end_reason IS NULL))
);
CREATE INDEX memberships_organisation ON registry.memberships (organisation_id);

-- Proof of each consent to the processing of personal data; withdrawn, never removed. No foreign key, as above.
CREATE TABLE registry.consents (
    member_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose <> ''),
    text_version text NOT NULL CHECK (text_version <> ''),
    given_at timestamptz NOT NULL,
    channel text NOT NULL CHECK (channel IN ('paper', 'import', 'web', 'office')),
    withdrawn_at timestamptz CHECK (withdrawn_at >= given_at),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (member_id, purpose, given_at)
);
