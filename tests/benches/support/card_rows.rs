//! The rows that a virtual card is, written by arrays into copies of the tables: the floor of issuing cards.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};

/// Copies of the tables with their indexes and constraints; keys to other tables apart.
const TABLES: &str = "
    CREATE SCHEMA floor;
    CREATE TABLE floor.cards (LIKE cards.cards INCLUDING ALL);
    CREATE TABLE floor.devices (LIKE cards.devices INCLUDING ALL);
    CREATE TABLE floor.outbox (LIKE platform.outbox INCLUDING ALL);
    ANALYZE";
const WRITE: &str = r#"
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest($1, $2, $3, $4) AS n (id, device, member_id, number)
    ), new_cards AS (
        INSERT INTO floor.cards (id, number, member_id, kind, status, ordered_at, issued_at, expires_on)
        SELECT id, number, member_id, 'virtual', 'active', now(), now(), current_date + 1825 FROM new
    ), new_devices AS (
        INSERT INTO floor.devices (id, card_id, kind, key_version, created_at)
        SELECT device, id, 'server', 1, now() FROM new
    )
    INSERT INTO floor.outbox (kind, member_id, payload, occurred_at)
    SELECT 'card.issued', member_id, jsonb_build_object('card_id', id, 'kind', 'virtual'), now() FROM new"#;

/// Makes the copies, in a database that the program has laid out.
pub fn tables(connection: &mut PgConnection) {
    connection.batch_execute(TABLES).expect("copies of the tables can be made");
}

/// Numbers of cards, each once.
pub fn numbers() -> impl Iterator<Item = String> {
    (0_u64..).map(|number| format!("9643{number:012}"))
}

/// Writes a card for each, in one statement.
pub fn write(
    connection: &mut PgConnection,
    holders: &[MemberId],
    numbers: &mut impl Iterator<Item = String>,
) {
    let ids: Vec<Uuid> = holders.iter().map(|_| Uuid::now_v7()).collect();
    let devices: Vec<Uuid> = holders.iter().map(|_| Uuid::now_v7()).collect();
    let numbers: Vec<String> = numbers.take(holders.len()).collect();
    diesel::sql_query(WRITE)
        .bind::<Array<SqlUuid>, _>(&ids)
        .bind::<Array<SqlUuid>, _>(&devices)
        .bind::<Array<SqlUuid>, _>(holders)
        .bind::<Array<Text>, _>(&numbers)
        .execute(connection)
        .expect("the floor's rows can be written");
}
