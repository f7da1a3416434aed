DROP TABLE cards.orders;
