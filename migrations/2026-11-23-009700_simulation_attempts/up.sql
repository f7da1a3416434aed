-- How often a simulation was begun: one that ends the process it runs in isn't begun for ever.
ALTER TABLE ledger.simulations ADD COLUMN attempts smallint NOT NULL DEFAULT 0;
