-- The very first import finds nothing and so nobody who reads: of the tables in $1, the indexes and keys that nothing
-- leans on are set aside and made afterwards in one go, several times as fast as row by row. The first table's unique
-- ones stay but for the keys in $2, with what refers to them: setting aside keeps everybody else out until the commit, so
-- nobody can come in with a doubled one meanwhile. Who reads these tables, or one that refers to such a key (sign-ins of
-- staff), waits for the commit: seconds, once in the life of a union.
DROP TABLE IF EXISTS set_aside;
CREATE TEMPORARY TABLE set_aside (place serial, definition text NOT NULL) ON COMMIT DROP;
CREATE OR REPLACE FUNCTION pg_temp.set_aside(tables regclass[], keys name[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
    empty boolean;
BEGIN
    EXECUTE 'SELECT NOT EXISTS (SELECT FROM ' || tables[1] || ')' INTO empty;
    IF NOT empty THEN
        RETURN;
    END IF;
    -- Who came in by hand between the question and the lock is here now.
    EXECUTE 'LOCK TABLE ' || tables[1] || ' IN ACCESS EXCLUSIVE MODE';
    EXECUTE 'SELECT NOT EXISTS (SELECT FROM ' || tables[1] || ')' INTO empty;
    IF NOT empty THEN
        RETURN;
    END IF;
    FOR one IN
        SELECT conrelid::regclass AS of, conname AS name, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE conrelid = ANY (tables)
            AND (contype = 'f' OR contype IN ('p', 'u') AND (conrelid <> tables[1] OR conname = ANY (keys)))
            OR contype = 'f' AND confrelid = tables[1]
                AND (SELECT relname FROM pg_class WHERE pg_class.oid = conindid) = ANY (keys)
        -- A key goes after what refers to it and comes back before.
        ORDER BY contype
    LOOP
        INSERT INTO set_aside (definition) VALUES (format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.of, one.name, one.definition));
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.of, one.name);
    END LOOP;
    FOR one IN
        SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition
        FROM pg_index WHERE indrelid = ANY (tables) AND NOT indisunique
    LOOP
        INSERT INTO set_aside (definition) VALUES (one.definition);
        EXECUTE 'DROP INDEX ' || one.name;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION pg_temp.put_back() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT definition FROM set_aside ORDER BY place DESC LOOP
        EXECUTE one.definition;
    END LOOP;
    DROP TABLE set_aside;
END $$;
