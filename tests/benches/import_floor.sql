-- *Staged*: the file's cells as they are in an unlogged table, then tables with 3 indexes each.
CREATE UNLOGGED TABLE staged_organisations (
    code text, name text, kind text, parent_code text, inn text, region_code text
);
CREATE TABLE organisations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    kind text NOT NULL,
    parent_code text,
    inn text,
    region_code text
);
CREATE INDEX ON organisations (parent_code);

CREATE UNLOGGED TABLE staged_members (
    membership_number text, organisation_code text, last_name text, first_name text, middle_name text, sex text,
    birth_date text, phone text, email text, category text, position text, joined_on text, consent_on text
);
CREATE TABLE members (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    membership_number text NOT NULL UNIQUE,
    organisation_code text NOT NULL,
    last_name text NOT NULL,
    first_name text NOT NULL,
    middle_name text,
    sex text,
    birth_date date,
    phone text,
    email text,
    category text,
    position text,
    joined_on date NOT NULL,
    consent_on date
);
CREATE INDEX ON members (organisation_code);
