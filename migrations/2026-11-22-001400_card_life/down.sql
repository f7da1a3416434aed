DROP TABLE cards.revocations, cards.aliases, cards.history;
DO $$
DECLARE
    pair text;
BEGIN
    FOR pair IN SELECT p.pair FROM cards.programmes AS p WHERE p.pair <> '01' LOOP
        EXECUTE format('DROP SEQUENCE cards.%I', 'numbers_' || pair);
    END LOOP;
END $$;
DROP TABLE cards.programmes;
ALTER TABLE cards.resolutions DROP COLUMN by_proof;
ALTER TABLE cards.devices DROP COLUMN name;
DROP INDEX cards.cards_one_living;
CREATE UNIQUE INDEX cards_one_living ON cards.cards (member_id, kind) WHERE status IN ('ordered', 'issued', 'active');
ALTER TABLE cards.cards DROP CONSTRAINT cards_block_reason_check;
ALTER TABLE cards.cards ADD CONSTRAINT cards_block_reason_check
    CHECK (block_reason IN ('lost', 'stolen', 'left', 'fraud'));
ALTER TABLE cards.cards
    DROP COLUMN ordered_by, DROP COLUMN relation, DROP COLUMN earn_per_day, DROP COLUMN earn_per_month,
    DROP COLUMN redeem_per_day, DROP COLUMN redeem_per_month, DROP COLUMN replaces;
