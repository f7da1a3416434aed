-- How finely a batch's faces are drawn: what the plant's printers take.
ALTER TABLE cards.print_batches ADD COLUMN dpi smallint NOT NULL DEFAULT 300 CHECK (dpi IN (300, 600));
