SET LOCAL work_mem = '64MB';
DROP TABLE IF EXISTS staged_members, changed_members, refused_rows;
CREATE TEMPORARY TABLE staged_members (
    line bigint NOT NULL,
    id uuid NOT NULL,
    membership_number text COLLATE "C" NOT NULL,
    organisation_id uuid NOT NULL,
    last_name text NOT NULL,
    first_name text NOT NULL,
    middle_name text NOT NULL,
    search_name text COLLATE "C" NOT NULL,
    sex text,
    birth_date date,
    phone_sealed bytea,
    phone_hash bigint,
    email_sealed bytea,
    email_hash bigint,
    category text NOT NULL,
    position text NOT NULL,
    joined_on date NOT NULL,
    consent_on date,
    raw text NOT NULL
) ON COMMIT DROP;
-- What the rows mean together is known after staging: these are told to the caller page by page.
CREATE TEMPORARY TABLE refused_rows (
    line bigint NOT NULL,
    reason text NOT NULL,
    raw text NOT NULL
) ON COMMIT DROP;
-- Rows of members who exist and differ.
CREATE TEMPORARY TABLE changed_members (
    line bigint PRIMARY KEY,
    member_id uuid NOT NULL,
    -- Phone or e-mail differ, and what they were, sealed.
    contacts boolean NOT NULL,
    phone_before bytea,
    email_before bytea,
    -- Whether the row moves the member, and from where.
    moved_from uuid,
    -- The first stretch begins on another day.
    joined boolean NOT NULL
) ON COMMIT DROP;
