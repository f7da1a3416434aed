DROP TABLE platform.deliveries;
DROP TABLE platform.preferences;
