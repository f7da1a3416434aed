ALTER TABLE registry.memberships DROP COLUMN begin_words;
