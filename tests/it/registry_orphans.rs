//! What no foreign key watches: whatever way organisations, members and cards are written, each row hangs on one that is
//! there. The tables and why they have no keys: migrations `001800` and `005300`.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use harness::server;
use serde_json::json;

use crate::imports_http::{generated, import};
use crate::members_http::person;

/// Each thing that hangs on another, as the rows that hang on nothing.
const ORPHANS: [(&str, &str); 8] = [
    (
        "an organisation's parent",
        "registry.organisations AS o WHERE parent_id IS NOT NULL AND NOT EXISTS
            (SELECT FROM registry.organisations AS p WHERE p.id = o.parent_id AND o.path = p.path || o.code)",
    ),
    ("a root's path", "registry.organisations AS o WHERE parent_id IS NULL AND path <> ARRAY[code]"),
    (
        "a member's organisation",
        "registry.members AS m WHERE NOT EXISTS
            (SELECT FROM registry.organisations AS o WHERE o.id = m.organisation_id)",
    ),
    (
        "a stretch's member",
        "registry.memberships AS h WHERE NOT EXISTS
            (SELECT FROM registry.members AS m WHERE m.id = h.member_id)",
    ),
    (
        "a stretch's organisation",
        "registry.memberships AS h WHERE NOT EXISTS
            (SELECT FROM registry.organisations AS o WHERE o.id = h.organisation_id)",
    ),
    (
        "a consent's member",
        "registry.consents AS c WHERE NOT EXISTS
            (SELECT FROM registry.members AS m WHERE m.id = c.member_id)",
    ),
    (
        "a card's member",
        "cards.cards AS c WHERE NOT EXISTS (SELECT FROM registry.members AS m WHERE m.id = c.member_id)",
    ),
    (
        "a device's card",
        "cards.devices AS d WHERE NOT EXISTS (SELECT FROM cards.cards AS c WHERE c.id = d.card_id)",
    ),
];

/// What hangs on nothing.
fn orphans(connection: &mut PgConnection) -> Vec<&'static str> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let found = |connection: &mut PgConnection, from: &str| {
        let count: Count = diesel::sql_query(format!("SELECT count(*) AS count FROM {from}"))
            .get_result(connection)
            .unwrap();
        count.count > 0
    };
    ORPHANS.iter().filter(|(_, from)| found(connection, from)).map(|(what, _)| *what).collect()
}

#[test]
fn everything_written_hangs_on_what_is_there() {
    let server = server();
    let mut connection = server.connect();
    let (administrator, _, _) = generated(&server);
    assert_eq!(orphans(&mut connection), Vec::<&str>::new(), "the first import");

    let head = "code,name,kind,parent_code,inn,region_code\n";
    let file = format!(
        "{head}X-2,Группа,group,X-1,,\nX-1,Первичная,primary,R-001,,\nX-3,Ничья,primary,X-404,,\n\
         X-5,Круг,group,X-6,,\nX-6,Круг,group,X-5,,\nX-7,Под ничьей,group,X-3,,\n"
    );
    let (_, report) = import(&administrator, "organisations", "more.csv", file.as_bytes());
    assert_eq!(report["created"], 2, "{report}");
    assert_eq!(report["reasons"], json!({ "unknown_parent": 2, "cycle": 2 }));
    assert_eq!(orphans(&mut connection), Vec::<&str>::new(), "more of them, parents after children");

    let moved = format!("{head}X-1,Первичная,primary,R-002,,\n");
    let (_, report) = import(&administrator, "organisations", "moved.csv", moved.as_bytes());
    assert_eq!(report["updated"], 1, "{report}");
    assert_eq!(orphans(&mut connection), Vec::<&str>::new(), "one with another below it moves");
    let below = administrator.get("/v1/organisations?parent=X-1").expect(200).json();
    assert_eq!(below["items"][0]["code"], "X-2");

    let body = json!({ "code": "X-8", "name": "Новая", "kind": "group", "parent_code": "X-2" });
    administrator.post("/v1/organisations", &body).expect(201);
    let body = json!({ "code": "X-9", "name": "Ничья", "kind": "group", "parent_code": "X-404" });
    let refused = administrator.post("/v1/organisations", &body).expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "#/parent_code");
    let member = administrator.post("/v1/members", &person("900000001", "X-8")).expect(201).json();
    let path = format!("/v1/members/{}", member["id"].as_str().unwrap());
    let nowhere = json!({ "organisation": "X-404", "on": "2026-11-20" });
    administrator.post(&format!("{path}/transfer"), &nowhere).expect(422);
    let there = json!({ "organisation": "X-1", "on": "2026-11-20" });
    administrator.post(&format!("{path}/transfer"), &there).expect(200);
    administrator.post("/v1/cards", &json!({ "member": member["id"], "kind": "plastic" })).expect(201);
    assert_eq!(orphans(&mut connection), Vec::<&str>::new(), "by hand");
}

#[test]
fn what_hangs_on_nothing_is_seen() {
    let server = server();
    let mut connection = server.connect();
    generated(&server);
    let other = "'0190b5b0-0000-7000-8000-000000000000'";
    let device = "(SELECT id FROM cards.devices LIMIT 1)";
    let one = "WHERE ctid = (SELECT min(ctid) FROM";
    for (what, damage) in [
        (
            "an organisation's parent",
            format!("UPDATE registry.organisations SET parent_id = {other} WHERE code = 'R-001'"),
        ),
        (
            "an organisation's parent",
            "UPDATE registry.organisations SET path = ARRAY['x', code] WHERE code = 'R-001'".to_owned(),
        ),
        (
            "a root's path",
            "ALTER TABLE registry.organisations DROP CONSTRAINT organisations_parent_check;
            UPDATE registry.organisations SET parent_id = NULL WHERE code = 'R-001'"
                .to_owned(),
        ),
        (
            "a member's organisation",
            format!("UPDATE registry.members SET organisation_id = {other} {one} registry.members)"),
        ),
        (
            "a stretch's member",
            format!("UPDATE registry.memberships SET member_id = {other} {one} registry.memberships)"),
        ),
        (
            "a stretch's organisation",
            format!("UPDATE registry.memberships SET organisation_id = {other} {one} registry.memberships)"),
        ),
        (
            "a consent's member",
            format!("UPDATE registry.consents SET member_id = {other} {one} registry.consents)"),
        ),
        ("a card's member", format!("UPDATE cards.cards SET member_id = {other} {one} cards.cards)")),
        ("a device's card", format!("UPDATE cards.devices SET card_id = {other} WHERE id = {device}")),
    ] {
        connection.batch_execute(&format!("BEGIN; {damage}")).unwrap();
        assert_eq!(orphans(&mut connection), [what], "{damage}");
        connection.batch_execute("ROLLBACK").unwrap();
    }
    let root = "UPDATE registry.organisations SET parent_id = NULL WHERE code = 'R-001'";
    let refused = connection.batch_execute(root).unwrap_err().to_string();
    assert!(refused.contains("organisations_parent_check"), "{refused}");
}
