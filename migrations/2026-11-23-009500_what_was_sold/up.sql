-- What was sold by a purchase in the end: all of it, or what was captured of it, by amount or by lines.
CREATE FUNCTION ledger.sold(amount bigint, kept jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE jsonb_typeof(kept -> 'c')
        WHEN 'string' THEN ((kept ->> 'c')::numeric * 100)::bigint
        WHEN 'array' THEN (SELECT sum((line ->> 'amount')::numeric * 100)::bigint
            FROM jsonb_array_elements(kept -> 'c') AS lines (line))
        ELSE amount
    END
$$;
