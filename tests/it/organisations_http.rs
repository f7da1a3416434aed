//! Organisations over HTTP: corrected, and closed once nobody belongs there.

use chrono::{NaiveDate, TimeDelta};
use harness::{Client, TestServer, server};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::members_http::{person, union};
use crate::shop::bound_to;

fn today(server: &TestServer) -> NaiveDate {
    (server.app.now() + TimeDelta::hours(3)).date_naive()
}

fn close(client: &Client, code: &str, on: NaiveDate) -> harness::Answer {
    client.post(&format!("/v1/organisations/{code}/close"), &json!({ "on": on }))
}

fn levels(client: &Client, on: NaiveDate) -> Value {
    let path = format!("/v1/organisations/C-000/statistics?on={on}");
    client.get(&path).expect(200).json()["organisations"]["primary"].clone()
}

#[test]
fn corrected() {
    let server = server();
    union(&server);
    let registrar = bound_to(&server, Role::Registrar, "R-001");
    let path = "/v1/organisations/P-1";
    let before = registrar.get(path).expect(200).json();
    let changes = json!({ "name": "Школа № 7", "inn": "7707049388", "region_code": "77", "kind": "group" });
    let changed = registrar.patch(path, &changes).expect(200).json();
    for (field, value) in changes.as_object().unwrap() {
        assert_eq!(changed[field], *value);
    }
    assert_eq!((&changed["code"], &changed["parent_code"]), (&json!("P-1"), &json!("R-001")));
    let found = registrar.get("/v1/organisations?query=%E2%84%96%207").expect(200).json();
    assert_eq!(found["items"][0]["code"], "P-1", "found by the new name");
    let back = json!({ "name": before["name"], "kind": before["kind"], "inn": "", "region_code": "" });
    assert_eq!(registrar.patch(path, &back).expect(200).json(), before);
    for (changes, pointer) in [
        (json!({ "name": " " }), "#/name"),
        (json!({ "kind": "guild" }), "#/kind"),
        (json!({ "inn": "7707049389" }), "#/inn"),
        (json!({ "region_code": "7.7" }), "#/region_code"),
        (json!({ "code": "P-9" }), "#/code"),
        (json!({ "parent_code": "R-002" }), "#/parent_code"),
    ] {
        let refused = registrar.patch(path, &changes);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{changes}");
        assert_eq!(refused.problem(422), "invalid");
    }
    assert_eq!(registrar.get(path).expect(200).json(), before, "what was refused changed nothing");
    for code in ["P-2", "R-002", "C-000", "P-0"] {
        let foreign = registrar.patch(&format!("/v1/organisations/{code}"), &json!({ "name": "x" }));
        assert_eq!(foreign.problem(404), "not-found", "{code}");
        assert_eq!(close(&registrar, code, today(&server)).problem(404), "not-found", "{code}");
    }
}

#[test]
fn closed_once_nobody_is_left() {
    let server = server();
    let administrator = union(&server);
    let registrar = bound_to(&server, Role::Registrar, "C-000");
    let member = registrar.post("/v1/members", &person("000000001", "P-1")).expect(201).json();
    let member = format!("/v1/members/{}", member["id"].as_str().unwrap());
    let on = today(&server);
    assert_eq!(close(&registrar, "P-1", on).problem(409), "organisation-not-empty");
    assert_eq!(close(&registrar, "R-002", on).problem(409), "organisation-not-empty", "P-2 is open");
    for day in [on + TimeDelta::days(1), on - TimeDelta::days(1)] {
        let refused = close(&registrar, "P-3", day);
        assert_eq!(refused.json()["errors"][0]["pointer"], "#/on", "{day}");
        assert_eq!(refused.problem(422), "invalid");
    }
    let away = json!({ "organisation": "P-3", "on": on });
    registrar.post(&format!("{member}/transfer"), &away).expect(200);
    assert_eq!(levels(&administrator, on), 3);
    let closed = close(&registrar, "P-1", on).expect(200).json();
    assert_eq!((&closed["closed_on"], &closed["members"]), (&json!(on), &json!(0)));
    assert_eq!(levels(&administrator, on), 2);
    assert_eq!(close(&registrar, "P-1", on).problem(409), "organisation-closed");

    // Nobody comes in any more, by any way.
    let admitted = registrar.post("/v1/members", &person("000000002", "P-1"));
    assert_eq!(admitted.problem(409), "organisation-closed");
    let back = json!({ "organisation": "P-1", "on": on });
    assert_eq!(registrar.post(&format!("{member}/transfer"), &back).problem(409), "organisation-closed");
    let below = json!({ "code": "P-7", "name": "x", "kind": "group", "parent_code": "P-1" });
    let refused = administrator.post("/v1/organisations", &below);
    assert_eq!(refused.json()["errors"][0]["pointer"], "#/parent_code");
    assert_eq!(refused.problem(422), "invalid");
    let file =
        b"membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,\
                 category,position,joined_on,consent_on\n\
                 000000003,P-1,A,B,,,,,,,,2020-01-01,2020-01-01\n";
    let (_, report) = crate::imports_http::import(&administrator, "members", "members.csv", file);
    assert_eq!(report["reasons"], json!({ "unknown_organisation": 1 }), "{report}");
    let record = registrar.get(&member).expect(200).json();
    assert_eq!(record["organisation"]["code"], "P-3", "what was refused changed nothing");
    assert_eq!(record["history"][0]["organisation"]["code"], "P-1", "history stays");

    // With all of it empty a region is closed too; its members left or moved.
    close(&registrar, "P-2", on).expect(200);
    close(&registrar, "R-002", on).expect(200);
}
