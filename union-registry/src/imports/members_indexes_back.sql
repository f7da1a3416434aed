DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT definition FROM indexes_aside LOOP
        EXECUTE one.definition;
    END LOOP;
    IF FOUND THEN
        ANALYZE registry.members, registry.memberships;
    END IF;
END
$$;
DROP TABLE indexes_aside;
