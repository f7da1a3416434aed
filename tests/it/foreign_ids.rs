//! Everything of another branch answers like what never was, by every verb of every route that names one thing.

use std::collections::BTreeMap;

use harness::{Client, server};
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::routes;

use crate::members_http::{person, union};
use crate::shop::bound_to;

const NEVER: &str = "0190b5b0-0000-7000-8000-000000000000";

/// What a route's id is of, by the beginning of its path.
const KINDS: [&str; 7] =
    ["members", "cards", "card-orders", "designs", "print-batches", "organisations", "imports"];

/// A body that would do something, were the thing one's own.
fn body(path: &str, card: &str) -> Value {
    let on = "2026-11-21";
    match path.rsplit('/').next().unwrap() {
        "transfer" => json!({ "organisation": "P-1", "on": on }),
        "readmit" => json!({ "organisation": "P-1", "on": on, "reason": "x" }),
        "leave" | "suspend" | "resume" => json!({ "on": on, "reason": "x" }),
        "close" => json!({ "on": on }),
        "merge" => json!({ "into": NEVER, "dry": true }),
        "aliases" => json!({ "alias": "OLD-1" }),
        "block" => json!({ "reason": "lost" }),
        "hand-out" => json!({ "cards": [card] }),
        "spoil" => json!({ "cards": [card], "note": "x" }),
        _ => json!({}),
    }
}

/// One of each kind in the branch R-002.
fn theirs(office: &Client) -> BTreeMap<&'static str, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let member = office.post("/v1/members", &person("000000002", "P-2")).expect(201).json();
    let plastic = json!({ "member": member["id"], "kind": "plastic" });
    let card = office.post("/v1/cards", &plastic).expect(201).json();
    let design = json!({ "organisation": "P-2", "base": "#10243e", "accent": "#1f3a5f" });
    let design = office.post("/v1/designs", &design).expect(201).json();
    let batch = office.post("/v1/print-batches", &json!({ "organisation": "R-002" })).expect(201).json();
    let order = json!({ "organisation": "P-2", "kind": "virtual" });
    let order = office.post("/v1/card-orders", &order).expect(202).json();
    let file =
        b"membership_number,organisation_code,last_name,first_name,middle_name,sex,birth_date,phone,email,\
                 category,position,joined_on,consent_on\n";
    let (import, _) = crate::imports_http::import(office, "members", "members.csv", file);
    BTreeMap::from([
        ("members", text(&member["id"])),
        ("cards", text(&card["id"])),
        ("card-orders", text(&order["id"])),
        ("designs", text(&design["id"])),
        ("print-batches", text(&batch["id"])),
        ("organisations", "P-2".to_owned()),
        ("imports", import.rsplit('/').next().unwrap().to_owned()),
    ])
}

#[test]
fn another_branchs_things_answer_like_what_never_was() {
    let server = server();
    let office = union(&server);
    let theirs = theirs(&office);
    let foreign = bound_to(&server, Role::Administrator, "R-001");
    let mut asked = 0;
    for entry in routes::table() {
        let kind = entry.path.split('/').nth(2).unwrap_or_default();
        let of_office = entry.access.roles.contains(&Role::Administrator);
        if !of_office || !entry.path.contains('{') || !KINDS.contains(&kind) {
            continue;
        }
        let ask = |id: &str| {
            let path = entry.path.replace("{id}", id).replace("{code}", id).replace("{name}", "SHA256SUMS");
            let path = if entry.method == "DELETE" { format!("{path}?alias=OLD-1") } else { path };
            let body = body(entry.path, &theirs["cards"]).to_string();
            let json = [("content-type", "application/json")];
            match entry.method.as_str() {
                "GET" => foreign.get(&path),
                "DELETE" if kind == "designs" => foreign.delete(path.split('?').next().unwrap()),
                "DELETE" => foreign.delete(&path),
                method => foreign.send(method, &path, &json, body.as_bytes()),
            }
        };
        let (known, unknown) = (ask(&theirs[kind]), ask(NEVER));
        let what = format!("{} {}", entry.method, entry.path);
        assert_eq!(known.body, unknown.body, "{what}");
        assert_eq!(known.problem(404), "not-found", "{what}");
        asked += 1;
    }
    assert!(asked >= 30, "{asked} routes name one thing of the office's");
    // And everything is as it was.
    let member = office.get(&format!("/v1/members/{}", theirs["members"])).expect(200).json();
    assert_eq!((&member["status"], &member["organisation"]["code"]), (&json!("active"), &json!("P-2")));
    let card = office.get(&format!("/v1/cards/{}", theirs["cards"])).expect(200).json();
    assert_eq!((&card["status"], &card["aliases"]), (&json!("issued"), &json!([])));
    let batch = office.get(&format!("/v1/print-batches/{}", theirs["print-batches"])).expect(200).json();
    assert_eq!(batch["status"], "made");
}

#[test]
fn one_foreign_card_refuses_them_all() {
    let server = server();
    let office = union(&server);
    let mut ids = Vec::new();
    for (number, organisation) in [("000000001", "P-1"), ("000000002", "P-2")] {
        let member = office.post("/v1/members", &person(number, organisation)).expect(201).json();
        let plastic = json!({ "member": member["id"], "kind": "plastic" });
        ids.push(office.post("/v1/cards", &plastic).expect(201).json()["id"].clone());
    }
    let batch = office.post("/v1/print-batches", &json!({ "organisation": "C-000" })).expect(201).json();
    let path = format!("/v1/print-batches/{}", batch["id"].as_str().unwrap());
    office.post(&format!("{path}/receive"), &json!({})).expect(200);
    let issuer = bound_to(&server, Role::Issuer, "R-001");
    for (verb, body) in [
        ("hand-out", json!({ "cards": ids })),
        ("spoil", json!({ "cards": ids, "note": "x" })),
        ("hand-out", json!({ "cards": [ids[0], NEVER] })),
    ] {
        assert_eq!(issuer.post(&format!("{path}/{verb}"), &body).problem(404), "not-found", "{body}");
    }
    let cards = office.get(&format!("{path}/cards")).expect(200).json();
    assert_eq!(crate::shop::column(&cards["items"], "state"), ["in_print"; 2], "all or none");
    issuer.post(&format!("{path}/hand-out"), &json!({ "cards": [ids[0]] })).expect(200);
}
