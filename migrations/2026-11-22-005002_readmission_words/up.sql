-- Why somebody was taken back, in the registrar's words: a stretch that begins after a gap ends no other one whose
-- `end_reason` could hold them.
ALTER TABLE registry.memberships ADD COLUMN begin_words text;
