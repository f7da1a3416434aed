//! The database lost while a file comes in over the API: of members nothing is there, nor the outcome, of a register what
//! was committed; and the file is tried again until all is.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use harness::{TestServer, eventually, server};
use serde_json::json;

use crate::members_http::{person, union};
use crate::registers_http::{HEADER as REGISTER, finished, upload};
use crate::registry_support::{HEADER, row};
use crate::shop::{Holder, Shop, stamp};
use crate::standing_http::sound;

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

/// The connection, another than `before`, that waits for a lock in a statement like this.
pub(crate) fn waiting(server: &TestServer, like: &str, before: i32) -> i32 {
    let mut watch = server.connect();
    eventually(&format!("somebody waits in {like}"), || {
        let found: Vec<Waiting> = diesel::sql_query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
             AND query ILIKE $1 AND pid <> pg_backend_pid()",
        )
        .bind::<Text, _>(like)
        .load(&mut watch)
        .unwrap();
        found.iter().map(|one| one.pid).find(|pid| *pid != before)
    })
}

/// Ends a connection from another, as a database that goes away does.
pub(crate) fn end(connection: &mut PgConnection, pid: i32) {
    connection.batch_execute(&format!("SELECT pg_terminate_backend({pid})")).unwrap();
}

#[test]
fn a_file_whose_database_was_lost_is_tried_again() {
    let server = server();
    let administrator = union(&server);
    // Where nobody is a member yet the import takes the table's indexes away, and nobody could look.
    administrator.post("/v1/members", &person("000000009", "P-1")).expect(201);
    let (mut tables, mut queue) = (server.connect(), server.connect());
    let members = |connection: &mut PgConnection| -> i64 {
        union_registry::schema::registry::members::table.count().get_result(connection).unwrap()
    };
    let file = format!(
        "{HEADER}{}{}{}",
        row("000000001", "P-1", "Иванова"),
        row("000000002", "P-2", "Попова"),
        row("000000003", "P-404", "Ничья")
    );

    // Lost before the members are written.
    tables.batch_execute("BEGIN; LOCK TABLE registry.members IN SHARE MODE").unwrap();
    let taken = upload(&administrator, "/v1/imports", &[("kind", "members")], "members.csv", file.as_bytes());
    let path = format!("/v1/imports/{}", taken.expect(202).json()["id"].as_str().unwrap());
    let first = waiting(&server, "%registry.members%", 0);
    end(&mut queue, first);
    let second = waiting(&server, "%registry.members%", first);
    assert_eq!(administrator.get(&path).expect(200).json()["status"], "running", "it is tried again");

    // Lost when all is written but for the outcome.
    queue.batch_execute("BEGIN; SELECT FROM platform.imports FOR UPDATE").unwrap();
    tables.batch_execute("COMMIT").unwrap();
    let third = waiting(&server, "UPDATE \"platform\".\"imports\"%", 0);
    assert_eq!(third, second, "the transaction that writes the members");
    assert_eq!(members(&mut tables), 1, "no member without the outcome");
    end(&mut tables, third);
    queue.batch_execute("COMMIT").unwrap();

    let report = finished(&administrator, &path);
    assert_eq!((&report["status"], &report["read"]), (&json!("done"), &json!(3)), "{report}");
    assert_eq!((&report["created"], &report["unchanged"]), (&json!(2), &json!(0)), "{report}");
    assert_eq!(members(&mut tables), 3);
    let refused = administrator.get(&format!("{path}/rejected")).expect(200).json();
    assert_eq!(refused["items"].as_array().map(Vec::len), Some(1), "{refused}");
}

#[test]
fn a_register_that_lost_a_lane_goes_on_where_it_stopped() {
    const ROWS: i64 = 2_400;
    let shop = Shop::open();
    // A member's rows go by one lane: among so many there is one for each.
    let holders: Vec<Holder> = (1..=24).map(|number| shop.holder(&number.to_string())).collect();
    let of_lane = |lane: u64| holders.iter().find(|one| one.member.0.as_u64_pair().1 % 2 == lane).unwrap();
    let two = [of_lane(0), of_lane(1)];
    for (place, holder) in two.iter().enumerate() {
        let sale = shop.sale(("card_number", holder.card.number.as_str()), &format!("R-{place}"), "100.00");
        shop.program.post("/v1/purchases", &sale).expect(201);
    }
    let day = stamp(shop.server.app.now() - TimeDelta::days(5));
    let rows = (0..ROWS)
        .zip(two.iter().cycle())
        .map(|(place, holder)| format!("market-1,r-{place},{day},{},10.00,,sale,\n", holder.card.number));
    let file = format!("{REGISTER}{}", rows.collect::<String>());

    let (mut rows, mut other) = (shop.server.connect(), shop.server.connect());
    rows.batch_execute(&format!(
        "BEGIN; SELECT FROM ledger.balances WHERE member_id = '{}' FOR UPDATE",
        two[0].member
    ))
    .unwrap();
    let taken = upload(&shop.program, "/v1/registers", &[("mode", "post")], "r.csv", file.as_bytes());
    let path = format!("/v1/registers/{}", taken.expect(202).json()["id"].as_str().unwrap());
    let lane = waiting(&shop.server, "%ledger.balances%", 0);
    end(&mut other, lane);
    waiting(&shop.server, "%ledger.balances%", lane);
    rows.batch_execute("COMMIT").unwrap();
    let report = finished(&shop.program, &path);
    assert_eq!((&report["status"], &report["done_rows"]), (&json!("done"), &json!(ROWS)), "{report}");
    assert_eq!(report["outcomes"]["posted"], ROWS, "each by whichever try, none twice: {report}");
    sound(&shop);
}
