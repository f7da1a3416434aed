//! The registrar over HTTP: admits, moves, lets go, counts; and no further than the own subtree.

use chrono::{NaiveDate, TimeDelta};
use harness::{Client, TestServer, server};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Shop, bound_to, column, stamp};

/// A root, two regions, a primary organisation in each; an administrator made them.
pub fn union(server: &TestServer) -> Client {
    let administrator = server.as_staff(Role::Administrator, None);
    for (code, kind, parent) in [
        ("C-000", "central", None),
        ("R-001", "regional", Some("C-000")),
        ("R-002", "regional", Some("C-000")),
        ("P-1", "primary", Some("R-001")),
        ("P-2", "primary", Some("R-002")),
        ("P-3", "primary", Some("R-001")),
    ] {
        let mut body = json!({ "code": code, "name": format!("Организация {code}"), "kind": kind });
        if let Some(parent) = parent {
            body["parent_code"] = json!(parent);
        }
        administrator.post("/v1/organisations", &body).expect(201);
    }
    administrator
}

pub fn person(number: &str, organisation: &str) -> Value {
    json!({
        "membership_number": number, "organisation_code": organisation, "last_name": "Иванова",
        "first_name": "Анна", "category": "worker", "sex": "female", "birth_date": "1985-04-12",
        "email": format!("{number}@example.org"), "joined_on": "2020-03-01", "consent_on": "2020-03-01",
    })
}

fn today(server: &TestServer) -> NaiveDate {
    (server.app.now() + TimeDelta::hours(3)).date_naive()
}

fn path_of(member: &Value) -> String {
    format!("/v1/members/{}", member["id"].as_str().unwrap())
}

#[test]
fn admitted_moved_and_gone() {
    let shop = Shop::open();
    union(&shop.server);
    let registrar = bound_to(&shop.server, Role::Registrar, "C-000");
    let admitted = registrar.post("/v1/members", &person("000000001", "P-1")).expect(201);
    let member = admitted.json();
    assert_eq!(admitted.header("location"), path_of(&member));
    assert_eq!((&member["status"], &member["email"]), (&json!("active"), &json!("000000001@example.org")));
    assert_eq!(column(&member["cards"], "kind"), ["virtual"]);
    assert_eq!(column(&member["cards"], "status"), ["active"]);
    assert_eq!(registrar.post("/v1/members", &person("000000001", "P-2")).problem(409), "number-taken");
    let number = member["cards"][0]["number"].as_str().unwrap();
    let standing = || {
        let body = json!({ "card_number": number });
        shop.program.post("/v1/cards/resolve", &body).expect(200).json()["status"].clone()
    };
    assert_eq!(standing(), "valid");

    let transfer = json!({ "organisation": "P-2", "on": today(&shop.server) });
    let moved = registrar.post(&format!("{}/transfer", path_of(&member)), &transfer).expect(200).json();
    assert_eq!(moved["organisation"]["code"], "P-2");
    assert_eq!((&moved["cards"], moved["history"].as_array().unwrap().len()), (&member["cards"], 2));
    assert_eq!(standing(), "valid", "the card moves along");

    let leave = json!({ "on": today(&shop.server), "reason": "по собственному желанию" });
    let gone = registrar.post(&format!("{}/leave", path_of(&member)), &leave).expect(200).json();
    assert_eq!((&gone["status"], &gone["cards"][0]["status"]), (&json!("left"), &json!("blocked")));
    assert_eq!(standing(), "blocked", "the same second");
    shop.server.clock.advance(TimeDelta::seconds(1));
    let sale = shop.sale(("card_number", number), "R-1", "100.00");
    assert_eq!(shop.program.post("/v1/purchases", &sale).problem(409), "card-blocked");
    // A purchase before that day, told late, still stands.
    let mut early = shop.sale(("card_number", number), "R-2", "100.00");
    early["occurred_at"] = json!(stamp(shop.server.app.now() - TimeDelta::days(2)));
    let late = shop.program.post("/v1/purchases", &early).expect(201).json();
    assert_eq!(
        (&late["cashback"]["amount"], &late["cashback"]["reason"]),
        (&json!("0.00"), &json!("not_enrolled"))
    );
    assert_eq!(registrar.post(&format!("{}/leave", path_of(&member)), &leave).problem(409), "member-state");
    let card = json!({ "member": member["id"], "kind": "plastic" });
    assert_eq!(registrar.post("/v1/cards", &card).problem(409), "member-not-active");
}

#[test]
fn a_registrar_works_in_the_own_subtree_alone() {
    let server = server();
    union(&server);
    let (first, second) =
        (bound_to(&server, Role::Registrar, "R-001"), bound_to(&server, Role::Registrar, "R-002"));
    let theirs = second.post("/v1/members", &person("000000002", "P-2")).expect(201).json();
    let card = theirs["cards"][0].clone();
    let never = json!({ "id": "0190b5b0-0000-7000-8000-000000000000" });
    let day = today(&server).to_string();
    for (method, rest, body) in [
        ("GET", "", json!({})),
        ("PATCH", "", json!({ "last_name": "Чужая" })),
        ("POST", "/transfer", json!({ "organisation": "P-1", "on": day })),
        ("POST", "/leave", json!({ "on": day, "reason": "x" })),
    ] {
        let ask = |one: &Value| {
            let path = format!("{}{rest}", path_of(one));
            first.send(method, &path, &[("content-type", "application/json")], body.to_string().as_bytes())
        };
        let ask = |one: &Value| if method == "GET" { first.get(&path_of(one)) } else { ask(one) };
        let (foreign, unknown) = (ask(&theirs), ask(&never));
        assert_eq!(foreign.body, unknown.body, "{method} {rest}");
        assert_eq!(foreign.problem(404), "not-found", "{method} {rest}");
    }
    let block = format!("/v1/cards/{}/block", card["id"].as_str().unwrap());
    assert_eq!(first.post(&block, &json!({ "reason": "lost" })).problem(404), "not-found");
    let issue = json!({ "member": theirs["id"], "kind": "plastic" });
    assert_eq!(first.post("/v1/cards", &issue).problem(404), "not-found");
    let find = format!("/v1/cards?number={}", card["number"].as_str().unwrap());
    assert_eq!(first.get(&find).expect(200).json()["items"], json!([]));
    assert_eq!(second.get(&find).expect(200).json()["items"].as_array().unwrap().len(), 1);
    for path in ["/v1/organisations/R-002", "/v1/organisations/C-000", "/v1/organisations/R-002/statistics"] {
        assert_eq!(first.get(path).problem(404), "not-found", "{path}");
    }
    assert_eq!(first.get("/v1/members?organisation=P-2").problem(404), "not-found");
    assert_eq!(first.get("/v1/members?query=000000002").expect(200).json()["items"], json!([]));
    let admit = first.post("/v1/members", &person("000000003", "P-2"));
    assert_eq!(admit.json()["errors"][0]["pointer"], "#/organisation_code");
    let nowhere = first.post("/v1/members", &person("000000003", "P-9"));
    assert_eq!(admit.body, nowhere.body, "another's organisation is as none");
    assert_eq!(admit.problem(422), "invalid");
    let below = json!({ "code": "P-4", "name": "x", "kind": "primary", "parent_code": "R-002" });
    let refused = first.post("/v1/organisations", &below);
    assert_eq!(refused.json()["errors"][0]["pointer"], "#/parent_code");
    assert_eq!(refused.problem(422), "invalid");
    let own = first.post("/v1/members", &person("000000004", "P-1")).expect(201).json();
    let away = json!({ "organisation": "P-2", "on": day });
    let pushed = first.post(&format!("{}/transfer", path_of(&own)), &away);
    assert_eq!(pushed.json()["errors"][0]["pointer"], "#/organisation");
    assert_eq!(pushed.problem(422), "invalid");
    let unchanged = second.get(&path_of(&theirs)).expect(200).json();
    assert_eq!(unchanged, theirs);
}

#[test]
fn wrong_members_name_their_fields() {
    let server = server();
    union(&server);
    let registrar = bound_to(&server, Role::Registrar, "C-000");
    for (field, value) in [
        ("membership_number", json!("7.9E+10")),
        ("organisation_code", json!("P-999999999")),
        ("last_name", json!("   ")),
        ("first_name", json!("а\u{202e}б")),
        ("sex", json!("other")),
        ("birth_date", json!("2031-02-30")),
        ("phone", json!("8-800-ПОЗВОНИ")),
        ("email", json!("почта@@example")),
        ("category", json!("wizard")),
        ("joined_on", json!("2999-01-01")),
        ("consent_on", json!("yesterday")),
        ("role", json!("administrator")),
    ] {
        let mut body = person("000000001", "P-1");
        body[field] = value.clone();
        let answer = registrar.post("/v1/members", &body);
        let told = answer.json();
        assert_eq!(answer.status, 422, "{field} {value}: {told}");
        assert_eq!(told["errors"][0]["pointer"], format!("#/{field}"), "{told}");
    }
    assert_eq!(registrar.get("/v1/members").expect(200).json()["items"], json!([]), "nothing was stored");
    let member = registrar.post("/v1/members", &person("000000001", "P-1")).expect(201).json();
    for (changes, pointer) in [
        (json!({ "phone": "1" }), "#/phone"),
        (json!({ "status": "left" }), "#/status"),
        (json!({ "membership_number": "000000009" }), "#/membership_number"),
        (json!({ "last_name": "" }), "#/last_name"),
    ] {
        let answer = registrar.patch(&path_of(&member), &changes);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{changes}");
        assert_eq!(answer.problem(422), "invalid");
    }
    let changed =
        json!({ "last_name": "О’Коннор-Петрова", "phone": "8 900 123-45-67", "position": "учитель" });
    let changed = registrar.patch(&path_of(&member), &changed).expect(200).json();
    assert_eq!((&changed["phone"], &changed["position"]), (&json!("+79001234567"), &json!("учитель")));
    let found = registrar.get("/v1/members?query=%2B79001234567").expect(200).json();
    assert_eq!(column(&found["items"], "id"), [&member["id"]]);
    for literal in ["%25", "_", "%27", "%22%20OR%201=1"] {
        let none = registrar.get(&format!("/v1/members?query={literal}")).expect(200).json();
        assert_eq!(none["items"], json!([]), "{literal}");
    }
    for (day, reason) in [("2019-01-01", "x"), ("2026-11-22", "")] {
        let leave = json!({ "on": day, "reason": reason });
        assert_eq!(registrar.post(&format!("{}/leave", path_of(&member)), &leave).status, 422, "{leave}");
    }
}

#[test]
fn an_auditor_reads_all_and_changes_nothing() {
    let server = server();
    union(&server);
    let registrar = bound_to(&server, Role::Registrar, "R-001");
    let member = registrar.post("/v1/members", &person("000000001", "P-1")).expect(201).json();
    let auditor = server.as_staff(Role::Auditor, None);
    assert_eq!(auditor.get(&path_of(&member)).expect(200).json()["id"], member["id"]);
    assert_eq!(auditor.patch(&path_of(&member), &json!({})).problem(403), "forbidden");
    assert_eq!(auditor.post("/v1/members", &person("000000002", "P-1")).problem(403), "forbidden");
    let listed = auditor.get("/v1/organisations?limit=2").expect(200).json();
    assert_eq!(column(&listed["items"], "code"), ["C-000", "P-1"]);
    let next = format!("/v1/organisations?limit=200&after={}", listed["next"].as_str().unwrap());
    let rest = auditor.get(&next).expect(200).json();
    assert_eq!(column(&rest["items"], "code"), ["P-2", "P-3", "R-001", "R-002"]);
    assert_eq!(column(&rest["items"], "members"), [0, 0, 1, 0]);
}
