//! Everything of another branch, partner or member answers like what never was, by every verb of every route that names
//! one thing.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use harness::{Answer, Client, server};
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::routes;

use crate::claims::receipt;
use crate::members_http::{person, union};
use crate::registers_http::upload;
use crate::shop::{Holder, Shop, bound_to};

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

/// A body that would do something of a partner's or a member's, were the thing one's own.
fn own_body(path: &str) -> Value {
    match path.rsplit('/').next().unwrap() {
        "refunds" => json!({ "amount": "1.00", "reference": "B-1" }),
        "capture" => json!({ "amount": "1.00" }),
        "decline" => json!({ "reason": "x" }),
        "confirm" => json!({ "code": "123456" }),
        "replay" => json!({ "since": "2026-11-01T00:00:00Z" }),
        "fiscal-drives" => json!({ "drives": ["9287440300634472"] }),
        "block" | "reissue" => json!({ "reason": "lost" }),
        "{id}" => json!({ "limits": { "redeem_per_day": "1.00" } }),
        _ => json!({}),
    }
}

/// Asks for one thing by every verb of a route.
fn asked(client: &Client, method: &str, path: &str) -> Answer {
    match method {
        "GET" => client.get(path),
        "DELETE" => client.delete(path),
        _ => {
            let json = [("content-type", "application/json")];
            client.send(method, path, &json, own_body(path).to_string().as_bytes())
        }
    }
}

/// One of each kind of thing, of the partner `market` and of Anna, by the path it is under.
fn things_of(shop: &Shop, anna: &Holder, annas: &Client) -> BTreeMap<&'static str, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    let purchase = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let drives = json!({ "drives": ["9287440300634471"] });
    shop.program.post("/v1/outlets/market-1/fiscal-drives", &drives).expect(201);
    let fiscal = receipt(shop.server.app.now() - TimeDelta::hours(1), "1000.00", 1);
    let claim = annas.post("/v1/me/claims", &json!({ "fiscal": fiscal })).expect(201).json();
    let file = b"outlet,receipt,occurred_at,card_number,amount,category,kind,reference\n";
    let register = upload(&shop.program, "/v1/registers", &[("mode", "compare")], "x.csv", file).expect(202);
    let hook = json!({ "url": "https://example.org/hook", "events": ["statement.ready"] });
    let hook = shop.program.post("/v1/webhooks", &hook).expect(201).json();
    let newcomer = shop.server.member("1003");
    let newcomers = json!({ "card_number": shop.server.virtual_card(newcomer).number.as_str() });
    let resolved = shop.program.post("/v1/cards/resolve", &newcomers).expect(200).json();
    let enrolment = json!({ "resolution": resolved["resolution"] });
    let enrolment = shop.program.post("/v1/enrolments", &enrolment).json();
    let device = json!({ "card": anna.card.id, "name": "phone" });
    let device = annas.post("/v1/me/devices", &device).expect(201).json();
    shop.server.as_wallet(annas, "card");
    let app = annas.get("/v1/me/apps").expect(200).json()["items"][0]["id"].clone();
    let rule = crate::shop::rule(&shop.server, "market", json!({ "earn": { "percent": "1" } }));
    BTreeMap::from([
        ("purchases", text(&purchase["id"])),
        ("registers", text(&register.json()["id"])),
        ("claims", text(&claim["id"])),
        ("outlets", "market-1".to_owned()),
        ("webhooks", text(&hook["id"])),
        ("enrolments", text(&enrolment["id"])),
        ("rules", rule.to_string()),
        ("me/cards", anna.card.id.to_string()),
        ("me/devices", text(&device["id"])),
        ("me/apps", text(&app)),
    ])
}

#[test]
fn another_partners_and_members_things_answer_like_what_never_was() {
    let shop = Shop::open();
    let (anna, _) = (shop.holder("1001"), shop.holder("1002"));
    let annas = shop.server.as_member("1001");
    let things = things_of(&shop, &anna, &annas);
    let before = shop.program.get(&format!("/v1/purchases/{}", things["purchases"])).expect(200).json();
    let bakery = shop.server.partner("bakery", &["bakery-1"]);
    let others = [
        ("program", shop.server.as_partner(&bakery)),
        ("manager", shop.server.as_manager(&bakery)),
        ("member", shop.server.as_member("1002")),
    ];
    let mut seen = 0;
    for entry in routes::table().iter().filter(|entry| entry.path.contains('{') && !entry.access.public) {
        let segments: Vec<&str> = entry.path.split('/').collect();
        let kind = if segments[2] == "me" { segments[2..4].join("/") } else { segments[2].to_owned() };
        for (who, client) in &others {
            let may = match *who {
                "program" => entry.access.client,
                "manager" => entry.access.roles.contains(&Role::Manager),
                _ => entry.access.member,
            };
            if !may {
                continue;
            }
            let method = entry.method.as_str();
            let what = format!("{who}: {method} {}", entry.path);
            let thing =
                things.get(kind.as_str()).unwrap_or_else(|| panic!("{what}: one of somebody else's?"));
            let ask = |id: &str| {
                let path = entry.path.replace("{id}", id).replace("{code}", id);
                let path = path.replace("{drive}", "9287440300634471");
                // What has to be said at all is said.
                let asked_for = if path.ends_with("barcode.svg") { "?kind=ean13" } else { "" };
                asked(client, method, &format!("{path}{asked_for}"))
            };
            let (known, unknown) = (ask(thing), ask(NEVER));
            assert_eq!(known.body, unknown.body, "{what}");
            assert_eq!(known.problem(404), "not-found", "{what}");
            seen += 1;
        }
    }
    assert!(seen >= 40, "{seen} routes name one thing of a partner's or a member's");
    let after = shop.program.get(&format!("/v1/purchases/{}", things["purchases"])).expect(200).json();
    assert_eq!(after, before, "nothing has changed");
    let waiting = shop.program.get("/v1/claims?status=waiting").expect(200).json();
    assert_eq!(crate::shop::column(&waiting["items"], "id"), [&json!(things["claims"])]);
    let devices = annas.get("/v1/me/devices").expect(200).json();
    assert!(
        crate::shop::column(&devices["items"], "id").contains(&&json!(things["me/devices"])),
        "{devices}"
    );
    let cards = annas.get("/v1/me/cards").expect(200).json();
    assert_eq!(crate::shop::column(&cards["items"], "status"), ["active"]);
}

#[test]
fn another_branch_named_in_a_request_is_like_none() {
    let server = server();
    let office = union(&server);
    let own = office.post("/v1/members", &person("000000001", "P-1")).expect(201).json();
    let mine = bound_to(&server, Role::Administrator, "R-001");
    let transfer = format!("/v1/members/{}/transfer", own["id"].as_str().unwrap());
    let ask = |code: &str| {
        let design = json!({ "organisation": code, "base": "#10243e", "accent": "#1f3a5f" });
        let below = json!({ "code": "N-1", "name": "Новая", "kind": "primary", "parent_code": code });
        let on = json!({ "organisation": code, "on": "2026-11-21" });
        vec![
            ("a list", mine.get(&format!("/v1/members?organisation={code}"))),
            ("the tree below", mine.get(&format!("/v1/organisations?parent={code}"))),
            ("its designs", mine.get(&format!("/v1/designs?organisation={code}"))),
            ("an admission", mine.post("/v1/members", &person("000000009", code))),
            ("a transfer", mine.post(&transfer, &on)),
            ("an organisation below", mine.post("/v1/organisations", &below)),
            ("a design", mine.post("/v1/designs", &design)),
            ("a batch", mine.post("/v1/print-batches", &json!({ "organisation": code }))),
        ]
    };
    // Parent, sibling and cousin, as what never was.
    let never = ask("X-404");
    for code in ["C-000", "R-002", "P-2"] {
        for ((what, told), (_, unknown)) in ask(code).into_iter().zip(never.clone()) {
            let empty = told.status == 200 && told.json()["items"] == json!([]);
            assert!(empty || (400..500).contains(&told.status), "{what} of {code}: {}", told.text());
            assert_eq!(
                (told.status, told.text().replace(code, "")),
                (unknown.status, unknown.text().replace("X-404", "")),
                "{what} of {code}"
            );
        }
    }
    let after = office.get(&format!("/v1/members/{}", own["id"].as_str().unwrap())).expect(200).json();
    assert_eq!(after["organisation"]["code"], "P-1");
    let all = office.get("/v1/members").expect(200).json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}
