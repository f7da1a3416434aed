UPDATE ledger.fraud_rules AS r
SET enabled = false, action = n.action, most_purchases = n.most_purchases, most_amount = n.most_amount
FROM (VALUES ('card_day', 'hold', 20, 10000000), ('cashier_day', 'watch', 400, 200000000),
    ('bare_number', 'hold', 10, 5000000), ('refund_cycling', 'hold', 5, NULL), ('two_towns', 'hold', NULL, NULL),
    ('closing_burst', 'watch', 10, NULL), ('own_card', 'hold', NULL, NULL)
) AS n (rule, action, most_purchases, most_amount)
WHERE r.rule = n.rule AND r.changed_at IS NULL;
UPDATE ledger.programme SET revision = revision + 1;
