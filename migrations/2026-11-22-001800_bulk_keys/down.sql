ALTER TABLE cards.devices ADD CONSTRAINT devices_card_id_fkey FOREIGN KEY (card_id) REFERENCES cards.cards;
ALTER TABLE cards.cards ADD CONSTRAINT cards_member_id_fkey FOREIGN KEY (member_id) REFERENCES registry.members;
ALTER TABLE registry.members ADD CONSTRAINT members_organisation_id_fkey FOREIGN KEY (organisation_id)
    REFERENCES registry.organisations;
