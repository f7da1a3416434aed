//! What the OpenAPI document says is what is served: the same routes, and answers of the shape it gives.

use std::collections::BTreeSet;

use harness::{Answer, server};
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

/// Follows `$ref`s.
fn resolved<'a>(document: &'a Value, mut schema: &'a Value) -> &'a Value {
    while let Some(reference) = schema["$ref"].as_str() {
        schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
    }
    schema
}

/// What of a value does not fit its schema: types, required fields and fields the schema doesn't know.
fn misfits(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if let Some(parts) = schema["allOf"].as_array() {
        // A flattened part knows nothing of the other's fields: each says only what it requires.
        for part in parts {
            let mut of_part = Vec::new();
            misfits(document, part, value, at, &mut of_part);
            found.extend(of_part.into_iter().filter(|misfit| !misfit.ends_with("is not documented")));
        }
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| {
            let mut of_choice = Vec::new();
            misfits(document, choice, value, at, &mut of_choice);
            of_choice.is_empty()
        });
        if !fits {
            found.push(format!("{at}: {value} fits none of the choices"));
        }
        return;
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !(kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number")) {
        found.push(format!("{at} is {kind}, not {kinds:?}"));
        return;
    }
    for item in value.as_array().into_iter().flatten() {
        misfits(document, &schema["items"], item, &format!("{at}[]"), found);
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, field) in fields {
        match properties.get(name) {
            Some(property) => misfits(document, property, field, &format!("{at}.{name}"), found),
            None => found.push(format!("{at}.{name} is not documented")),
        }
    }
}

/// Checks an answer against what the document says of that route and status.
#[track_caller]
fn fits(document: &Value, route: &str, answer: Answer) -> Value {
    let (method, path) = route.split_once(' ').unwrap();
    let responses = &document["paths"][path][method.to_lowercase()]["responses"];
    let response = &responses[answer.status.to_string()];
    assert!(!response.is_null(), "{route} does not document {}: {}", answer.status, answer.text());
    let content = response["content"].as_object().unwrap_or_else(|| panic!("{route}: no content")).clone();
    let schema = content.values().next().unwrap()["schema"].clone();
    let body = answer.json();
    let mut found = Vec::new();
    misfits(document, &schema, &body, "", &mut found);
    assert!(found.is_empty(), "{route}: {found:?}\n{body}");
    body
}

#[test]
fn answers_have_the_documented_shape() {
    let document = document();
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "50.00");
    let program = &shop.program;
    let code = json!({ "code": shop.code(&anna) });
    let card = fits(&document, "POST /v1/cards/resolve", program.post("/v1/cards/resolve", &code));
    let mut sale = shop.sale(("resolution", card["resolution"].as_str().unwrap()), "R-1", "100.00");
    sale["redeem"] = json!("10.00");
    fits(&document, "POST /v1/purchases/quote", program.post("/v1/purchases/quote", &sale));
    let posted = fits(&document, "POST /v1/purchases", program.post("/v1/purchases", &sale));
    fits(&document, "POST /v1/purchases", program.post("/v1/purchases", &sale));
    sale["amount"] = json!("99.00");
    fits(&document, "POST /v1/purchases", program.post("/v1/purchases", &sale));
    sale["amount"] = json!("-1");
    fits(&document, "POST /v1/purchases", program.post("/v1/purchases", &sale));
    let batch = program.post("/v1/purchases/batch", &json!({ "purchases": [sale, 1] }));
    fits(&document, "POST /v1/purchases/batch", batch);
    let path = format!("/v1/purchases/{}", posted["id"].as_str().unwrap());
    fits(&document, "GET /v1/purchases/{id}", program.get(&path));
    let back = json!({ "amount": "10.00", "reference": "B-1" });
    let refunded = program.post(&format!("{path}/refunds"), &back);
    fits(&document, "POST /v1/purchases/{id}/refunds", refunded);
    fits(&document, "POST /v1/purchases/{id}/void", program.post(&format!("{path}/void"), &json!({})));

    let me = shop.server.as_member("1001");
    for route in ["/v1/me", "/v1/me/cards", "/v1/me/balance", "/v1/me/operations"] {
        fits(&document, &format!("GET {route}"), me.get(route));
    }
    fits(&document, "GET /v1/purchases/{id}/explanation", me.get(&format!("{path}/explanation")));
    fits(&document, "POST /v1/me/enrolment", me.post("/v1/me/enrolment", &json!({})));
    fits(&document, "DELETE /v1/me/enrolment", me.delete("/v1/me/enrolment"));
    fits(&document, "PATCH /v1/me", me.patch("/v1/me", &json!({ "language": "en" })));
    fits(&document, "PATCH /v1/me", me.patch("/v1/me", &json!({ "language": "xx" })));

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
        fits(&document, &format!("GET {route}"), finance.get(route));
    }
    fits(&document, "GET /v1/purchases/{id}/explanation", finance.get(&format!("{path}/explanation")));
    let rule = json!({ "name": "x", "partner": "market", "earn": { "percent": "1" } });
    let made = fits(&document, "POST /v1/rules", finance.post("/v1/rules", &rule));
    let made = format!("/v1/rules/{}", made["id"].as_str().unwrap());
    fits(&document, "GET /v1/rules/{id}", finance.get(&made));
    let sample = json!({ "occurred_at": shop.now(), "amount": "100.00" });
    let preview = json!({ "rule": rule, "sample": sample });
    fits(&document, "POST /v1/rules/preview", finance.post("/v1/rules/preview", &preview));
    let question = json!({ "from": "2026-01-01", "to": "2030-12-31", "drafts": [rule] });
    let simulated = finance.post("/v1/rules/simulate", &question);
    let simulated = fits(&document, "POST /v1/rules/simulate", simulated);
    let simulated = format!("/v1/rules/simulations/{}", simulated["id"].as_str().unwrap());
    fits(&document, "GET /v1/rules/simulations/{id}", finance.get(&simulated));
    fits(&document, "POST /v1/rules/{id}/end", finance.post(&format!("{made}/end"), &json!({})));
    let auditor = shop.server.as_staff(Role::Auditor, None);
    for route in ["/v1/organisations", "/v1/members"] {
        fits(&document, &format!("GET {route}"), auditor.get(route));
    }
    let member = format!("/v1/members/{}", anna.member.0);
    fits(&document, "GET /v1/members/{id}", auditor.get(&member));
    fits(&document, "GET /v1/organisations/{code}", auditor.get("/v1/organisations/C-001"));
    fits(
        &document,
        "GET /v1/organisations/{code}/statistics",
        auditor.get("/v1/organisations/C-001/statistics"),
    );
    let find = format!("/v1/cards?number={}", anna.card.number.as_str());
    fits(&document, "GET /v1/cards", auditor.get(&find));
}
