-- As for members (001800): the import joins parents it has just read or written, making one by hand locks the parent,
-- and no organisation is ever deleted. The key looked each parent up once more and locked it. What a row can say about
-- itself is checked here: who has a parent is not the first of its path.
ALTER TABLE registry.organisations
    DROP CONSTRAINT organisations_parent_id_fkey,
    ADD CONSTRAINT organisations_parent_check CHECK ((parent_id IS NULL) = (cardinality(path) = 1));
