//! What the OpenAPI document says is what is served: the same routes, and answers of the shape it gives.

use std::collections::BTreeSet;

use harness::{Answer, contract, server};
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::routes;

use crate::bad_inputs::filled;
use crate::shop::Shop;

/// Served to browsers, not part of the API.
const PAGES: &[&str] = &[
    "/",
    "/till",
    "/office",
    "/docs",
    "/assets/{file}",
    "/favicon.ico",
    "/icon.svg",
    "/icon-192.png",
    "/icon-512.png",
    "/manifest.webmanifest",
    "/sw.js",
];

fn document() -> Value {
    serde_json::from_str(&unioncard::openapi::json()).unwrap()
}

#[test]
fn the_document_and_the_table_name_the_same_routes() {
    let document = document();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let served: BTreeSet<String> = routes::table()
        .iter()
        .filter(|entry| !PAGES.contains(&entry.path) && entry.path != "/openapi.json")
        .map(|entry| format!("{} {}", entry.method, entry.path))
        .collect();
    let only =
        |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>();
    assert_eq!(only(&served, &documented), Vec::<String>::new(), "served but not documented");
    assert_eq!(only(&documented, &served), Vec::<String>::new(), "documented but not served");
    let server = server();
    let served: Value = server.client().get("/openapi.json").expect(200).json();
    assert_eq!(served, document);
}

#[test]
fn every_refusal_without_a_token_is_a_whole_problem() {
    let server = server();
    for entry in routes::table().iter().filter(|entry| !entry.access.public) {
        let path = filled(entry.path);
        let answer = server.client().send(entry.method.as_str(), &path, &[], b"");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
        assert_eq!(answer.problem(401), "unauthenticated", "{} {path}", entry.method);
    }
    assert_eq!(server.client().get("/v1/nothing").problem(404), "not-found");
    let russian = server.client().with("accept-language", "ru").get("/v1/nothing").json();
    assert_eq!(russian["title"], "Здесь ничего нет");
}

/// The body of an answer whose status the document tells of at that route; its shape has been judged where it was received.
#[track_caller]
fn fits(route: &str, answer: Answer) -> Value {
    assert!(
        contract::is_documented(route, answer.status),
        "{route} does not document {}: {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

#[test]
fn what_the_document_does_not_tell_is_found() {
    let json = "application/json; charset=utf-8";
    let found = |path: &str, status: u16, body: &Value| {
        contract::misfits("GET", path, status, json, body.to_string().as_bytes())
    };
    let card = json!({
        "id": "0190b5b0-0000-7000-8000-000000000000", "number": "9643990000000006", "kind": "virtual",
        "status": "active", "issued_at": "2026-11-21T00:00:00Z", "expires_on": "2031-11-21",
    });
    let of = |card: &Value| found("/v1/me/cards?limit=1", 200, &json!({ "items": [card] }));
    let changed = |name: &str, value: Value| {
        let mut card = card.clone();
        card[name] = value;
        of(&card)
    };
    assert_eq!(of(&card), Vec::<String>::new());
    assert_eq!(changed("number", json!(9_643)), [".items[].number: 9643 is not \"string\""]);
    assert_eq!(changed("secret", json!("x")), [".items[].secret is not documented"]);
    assert_eq!(found("/v1/me/cards", 200, &json!({})), [".items is missing"]);
    assert_eq!(found("/v1/me/cards", 206, &json!({})), ["206 with application/json is not documented"]);
    let refused = |problem: &Value| {
        let body = problem.to_string();
        contract::misfits("POST", "/v1/me/cards", 418, "application/problem+json", body.as_bytes())
    };
    assert_eq!(
        refused(&json!({ "type": "/problems/x", "title": "x", "status": 418, "detail": "x" })),
        [""; 0]
    );
    assert_eq!(
        refused(&json!({ "type": "/problems/x", "status": 418, "detail": "x" })),
        [".title is missing"]
    );
    assert!(found("/v1/rules/simulations/x", 200, &json!({})).contains(&".id is missing".to_owned()));
    assert_eq!(found("/v1/nothing", 200, &json!({})), [""; 0], "not a route");
}

#[test]
fn answers_have_the_documented_shape() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "50.00");
    let program = &shop.program;
    let code = json!({ "code": shop.code(&anna) });
    let card = fits("POST /v1/cards/resolve", program.post("/v1/cards/resolve", &code));
    let mut sale = shop.sale(("resolution", card["resolution"].as_str().unwrap()), "R-1", "100.00");
    sale["redeem"] = json!("10.00");
    fits("POST /v1/purchases/quote", program.post("/v1/purchases/quote", &sale));
    let posted = fits("POST /v1/purchases", program.post("/v1/purchases", &sale));
    fits("POST /v1/purchases", program.post("/v1/purchases", &sale));
    sale["amount"] = json!("99.00");
    fits("POST /v1/purchases", program.post("/v1/purchases", &sale));
    sale["amount"] = json!("-1");
    fits("POST /v1/purchases", program.post("/v1/purchases", &sale));
    let batch = program.post("/v1/purchases/batch", &json!({ "purchases": [sale, 1] }));
    fits("POST /v1/purchases/batch", batch);
    let path = format!("/v1/purchases/{}", posted["id"].as_str().unwrap());
    fits("GET /v1/purchases/{id}", program.get(&path));
    let mut sale = shop.sale(("card_number", anna.card.number.as_str()), "R-3", "99.00");
    sale["capture"] = json!(false);
    let held = fits("POST /v1/purchases", program.post("/v1/purchases", &sale));
    fits("GET /v1/purchases", program.get("/v1/purchases?status=authorized"));
    let held = format!("/v1/purchases/{}/capture", held["id"].as_str().unwrap());
    let captured = program.post(&held, &json!({ "amount": "33.00" }));
    let captured = fits("POST /v1/purchases/{id}/capture", captured);
    assert_eq!(captured["captured"], json!({ "amount": "33.00", "redeemed": "0.00", "paid": "33.00" }));
    let back = json!({ "amount": "10.00", "reference": "B-1" });
    let refunded = program.post(&format!("{path}/refunds"), &back);
    fits("POST /v1/purchases/{id}/refunds", refunded);
    fits("POST /v1/purchases/{id}/void", program.post(&format!("{path}/void"), &json!({})));

    let me = shop.server.as_member("1001");
    for route in ["/v1/me", "/v1/me/cards", "/v1/me/balance", "/v1/me/operations"] {
        fits(&format!("GET {route}"), me.get(route));
    }
    fits("GET /v1/purchases/{id}/explanation", me.get(&format!("{path}/explanation")));
    fits("POST /v1/me/enrolment", me.post("/v1/me/enrolment", &json!({})));
    fits("DELETE /v1/me/enrolment", me.delete("/v1/me/enrolment"));
    fits("PATCH /v1/me", me.patch("/v1/me", &json!({ "language": "en" })));
    fits("PATCH /v1/me", me.patch("/v1/me", &json!({ "language": "xx" })));

    let finance = shop.finance();
    for route in [
        "/v1/ledger/accounts",
        "/v1/ledger/postings",
        "/v1/ledger/trial-balance",
        "/v1/partners",
        "/v1/rules",
        "/v1/registers",
        "/v1/staff/me",
    ] {
        fits(&format!("GET {route}"), finance.get(route));
    }
    fits("GET /v1/purchases/{id}/explanation", finance.get(&format!("{path}/explanation")));
    let rule = json!({ "name": "x", "partner": "market", "earn": { "percent": "1" } });
    let made = fits("POST /v1/rules", finance.post("/v1/rules", &rule));
    let made = format!("/v1/rules/{}", made["id"].as_str().unwrap());
    fits("GET /v1/rules/{id}", finance.get(&made));
    let sample = json!({ "occurred_at": shop.now(), "amount": "100.00" });
    let preview = json!({ "rule": rule, "sample": sample });
    fits("POST /v1/rules/preview", finance.post("/v1/rules/preview", &preview));
    let question = json!({ "from": "2026-01-01", "to": "2030-12-31", "drafts": [rule] });
    let simulated = finance.post("/v1/rules/simulate", &question);
    let simulated = fits("POST /v1/rules/simulate", simulated);
    let simulated = format!("/v1/rules/simulations/{}", simulated["id"].as_str().unwrap());
    fits("GET /v1/rules/simulations/{id}", finance.get(&simulated));
    fits("GET /v1/rules/simulations", finance.get("/v1/rules/simulations"));
    fits("GET /v1/fraud", finance.get("/v1/fraud?status=open"));
    fits("POST /v1/rules/{id}/end", finance.post(&format!("{made}/end"), &json!({})));
    let auditor = shop.server.as_staff(Role::Auditor, None);
    for route in ["/v1/organisations", "/v1/members"] {
        fits(&format!("GET {route}"), auditor.get(route));
    }
    let member = format!("/v1/members/{}", anna.member.0);
    fits("GET /v1/members/{id}", auditor.get(&member));
    fits("GET /v1/organisations/{code}", auditor.get("/v1/organisations/C-001"));
    fits("GET /v1/organisations/{code}/statistics", auditor.get("/v1/organisations/C-001/statistics"));
    let find = format!("/v1/cards?number={}", anna.card.number.as_str());
    fits("GET /v1/cards", auditor.get(&find));
}
