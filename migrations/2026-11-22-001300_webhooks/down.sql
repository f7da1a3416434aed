DROP TABLE platform.webhook_deliveries;
DROP TABLE platform.webhooks;
