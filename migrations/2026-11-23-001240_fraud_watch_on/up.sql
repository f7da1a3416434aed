-- The fraud watch looks from the first day on. What strikes a rule is shown to finance, and nothing is held back before
-- finance makes a rule hold or holds a purchase. Rules that finance has set already stay as they are.
UPDATE ledger.fraud_rules AS r
SET enabled = true, action = 'watch', most_purchases = n.most_purchases, most_amount = n.most_amount
FROM (VALUES ('card_day', 40, 30000000), ('cashier_day', 600, 300000000), ('bare_number', 20, 10000000),
    ('refund_cycling', 5, NULL), ('two_towns', NULL, NULL), ('closing_burst', 15, NULL), ('own_card', NULL, NULL)
) AS n (rule, most_purchases, most_amount)
WHERE r.rule = n.rule AND r.changed_at IS NULL;
UPDATE ledger.programme SET revision = revision + 1;
