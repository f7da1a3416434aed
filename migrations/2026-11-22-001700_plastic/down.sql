DROP INDEX cards.cards_unprinted;
DROP TABLE cards.print_events;
DROP TABLE cards.print_items;
DROP TABLE cards.print_batches;
DROP TABLE cards.designs;
