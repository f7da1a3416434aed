ALTER TABLE cards.print_batches DROP COLUMN dpi;
