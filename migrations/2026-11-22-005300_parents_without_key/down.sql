ALTER TABLE registry.organisations
    DROP CONSTRAINT organisations_parent_check,
    ADD CONSTRAINT organisations_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES registry.organisations;
