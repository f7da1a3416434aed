//! Every amount and every text that a request of the OpenAPI document may hold refuses what is none, says where it stands,
//! and nothing is posted: `every_amount` and `every_text` of `data/bad_inputs.json` in each such field of each route.

use harness::Client;
use serde_json::{Value, json};
use unioncard::auth::{Access, Role};
use unioncard::routes;

use crate::bad_inputs::{cases, data, filled, text};
use crate::claims::receipt;
use crate::shop::{Shop, books};

/// A field of a request: how to it, and whether it may be left out.
struct Field {
    steps: Vec<String>,
    optional: bool,
}

impl Field {
    fn pointer(&self) -> String {
        self.steps.iter().map(|step| format!("/{step}")).collect()
    }
}

/// An amount says so by its example; rates and shares look alike and are named for what they are.
fn is_amount(schema: &Value, name: &str) -> bool {
    let example = schema["example"].as_str().unwrap_or_default();
    let decimals = example.split_once('.').is_some_and(|(whole, fraction)| {
        fraction.len() == 2 && [whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()))
    });
    decimals && !["rate", "share", "percent"].iter().any(|other| name.ends_with(other))
}

/// A text of whatever kind.
fn is_text(schema: &Value, _: &str) -> bool {
    let kinds = schema["type"].as_array();
    schema["type"] == "string" || kinds.is_some_and(|kinds| kinds.contains(&json!("string")))
}

/// Whether a schema, under its name, is what is looked for.
type Is = fn(&Value, &str) -> bool;

/// The fields of a kind within a schema.
fn fields_within(is: Is, document: &Value, schema: &Value, steps: &[String], found: &mut Vec<Field>) {
    if steps.len() > 8 {
        return;
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return fields_within(is, document, &document["components"]["schemas"][name], steps, found);
    }
    for part in ["oneOf", "anyOf", "allOf"].iter().filter_map(|kind| schema[kind].as_array()).flatten() {
        fields_within(is, document, part, steps, found);
    }
    let under = |step: &str| [steps, &[step.to_owned()]].concat();
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if is(inner, name) {
            let optional = inner["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
            found.push(Field { steps: under(name), optional });
        }
        fields_within(is, document, inner, &under(name), found);
    }
    if schema["items"].is_object() {
        if is(&schema["items"], "") {
            found.push(Field { steps: under("0"), optional: false });
        }
        fields_within(is, document, &schema["items"], &under("0"), found);
    }
}

/// What has to stand beside an amount for it to be looked at: the rest of a rule.
fn rest(steps: &[String], rule_id: &str) -> Value {
    let Some(at) = steps.iter().position(|step| ["when", "earn", "caps"].contains(&step.as_str())) else {
        return json!({});
    };
    let earn = match steps[at..].iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["earn", "fixed"] => json!({}),
        ["earn", "per"] => json!({ "amount": "1.00" }),
        ["earn", "amount"] => json!({ "per": "100.00" }),
        ["earn", "ladder", ..] => json!({ "ladder": [{ "percent": "1" }] }),
        _ => json!({ "percent": "5" }),
    };
    let mut rule = json!({ "name": "x", "partner": "market", "earn": earn });
    if steps[at..].iter().any(|step| step == "per_member") {
        rule["caps"] = json!({ "per_member": { "period": "day" } });
    }
    let sample = json!({ "occurred_at": "2026-11-20T12:00:00Z", "amount": "10.00" });
    let at_all = json!({ "from": "2026-11-01", "to": "2026-11-02" });
    let mut body = match steps.first().map(String::as_str) {
        Some("rule") => json!({ "rule": rule, "sample": sample }),
        Some("drafts") => json!({ "drafts": [rule] }),
        Some("replace") => json!({ "replace": [{ "id": rule_id, "rule": rule }] }),
        _ => rule,
    };
    if matches!(steps.first().map(String::as_str), Some("drafts" | "replace")) {
        body.as_object_mut().unwrap().extend(at_all.as_object().unwrap().clone());
    }
    body
}

/// Puts a value where the steps lead, making what is missing on the way.
fn put(body: &mut Value, steps: &[String], value: &Value) {
    let Some((step, further)) = steps.split_first() else {
        *body = value.clone();
        return;
    };
    if step == "0" {
        if body.as_array().is_none_or(Vec::is_empty) {
            *body = json!([{}]);
        }
        return put(&mut body[0], further, value);
    }
    if body.is_null() {
        *body = json!({});
    }
    put(&mut body[step.as_str()], further, value);
}

/// Paths whose variable part is something that is there, so that the body is looked at.
fn things(shop: &Shop, member: &Client) -> Vec<(&'static str, String)> {
    let anna = shop.holder("1002");
    let buy = |receipt: &str, capture: bool| {
        let mut sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "100.00");
        sale["capture"] = json!(capture);
        let made = shop.program.post("/v1/purchases", &sale).expect(201).json();
        made["id"].as_str().unwrap().to_owned()
    };
    let drives = json!({ "drives": ["9287440300634471"] });
    shop.program.post("/v1/outlets/market-1/fiscal-drives", &drives).expect(201);
    let fiscal = receipt(shop.server.app.now() - chrono::TimeDelta::hours(1), "1000.00", 1);
    let claim = member.post("/v1/me/claims", &json!({ "fiscal": fiscal })).expect(201).json();
    let card = member.get("/v1/me/cards").expect(200).json()["items"][0]["id"].clone();
    let rule = crate::shop::rule(&shop.server, "market", json!({ "earn": { "percent": "1" } }));
    vec![
        ("/v1/purchases/{id}/capture", buy("R-1", false)),
        ("/v1/purchases/{id}/refunds", buy("R-2", true)),
        ("/v1/claims/{id}/approve", claim["id"].as_str().unwrap().to_owned()),
        ("/v1/me/cards/{id}", card.as_str().unwrap().to_owned()),
        ("/v1/partners/{code}", "market".to_owned()),
        ("/v1/rules/{id}/versions", rule.to_string()),
    ]
}

/// The problem of an answer, or of the first purchase of a batch.
fn pointers(path: &str, answer: harness::Answer) -> Result<Vec<String>, String> {
    let told = format!("{}: {}", answer.status, answer.text());
    let body = answer.json();
    let problem = if path.ends_with("/batch") { &body["results"][0]["problem"] } else { &body };
    if !matches!(problem["status"].as_u64(), Some(400 | 422)) {
        return Err(told);
    }
    let errors = problem["errors"].as_array().into_iter().flatten();
    Ok(errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect())
}

/// Whom the routes are asked by, and what is there to be asked for.
struct Story {
    shop: Shop,
    member: Client,
    finance: Client,
    administrator: Client,
    controller: Client,
    rule: String,
    things: Vec<(&'static str, String)>,
}

impl Story {
    fn open() -> Self {
        let shop = Shop::open();
        shop.holder("1001");
        let member = shop.server.as_member("1001");
        let things = things(&shop, &member);
        let rule = things.last().expect("a rule is the last").1.clone();
        let [finance, controller, administrator] = [Role::Finance, Role::Controller, Role::Administrator]
            .map(|role| shop.server.as_staff(role, None));
        Self { shop, member, finance, administrator, controller, rule, things }
    }

    fn client(&self, access: &Access) -> &Client {
        match access {
            access if access.client => &self.shop.program,
            access if access.member => &self.member,
            access if access.roles.contains(&Role::Finance) => &self.finance,
            access if access.roles.contains(&Role::Controller) => &self.controller,
            _ => &self.administrator,
        }
    }

    /// Puts each bad value of a part into each field of a kind, of each route; in how many fields one was judged, and what
    /// was not refused there.
    fn refused(&self, part: &str, is: Is) -> (usize, Vec<String>) {
        let document: Value = serde_json::from_str(&unioncard::openapi::json()).unwrap();
        let (bad, mut count, mut wrong) = (data(), 0, Vec::new());
        for entry in routes::table() {
            let method = entry.method.as_str();
            let operation = &document["paths"][entry.path][method.to_lowercase()];
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut found = Vec::new();
            fields_within(is, &document, schema, &[], &mut found);
            let known = self.things.iter().find(|(path, _)| *path == entry.path);
            let path = known.map_or_else(
                || filled(entry.path),
                |(path, id)| path.replace("{id}", id).replace("{code}", id),
            );
            for field in found {
                let mut judged = false;
                for case in cases(&bad, part) {
                    if case["value"].is_null() && field.optional {
                        continue;
                    }
                    let mut body = rest(&field.steps, &self.rule);
                    put(&mut body, &field.steps, &value_of(case));
                    let json = [("content-type", "application/json")];
                    let answer =
                        self.client(&entry.access).send(method, &path, &json, body.to_string().as_bytes());
                    // Nothing of that name, or no such wallets here.
                    let may_be_none = entry.path.contains('{') || entry.path.starts_with("/v1/apple/");
                    if known.is_none() && may_be_none && answer.status == 404 {
                        continue;
                    }
                    judged = true;
                    let pointer = field.pointer();
                    match pointers(entry.path, answer) {
                        Ok(told) if told.iter().any(|one| is_at(&pointer, one)) => {}
                        told => {
                            wrong.push(format!(
                                "{method} {} {pointer} {}: {told:?}",
                                entry.path, case["name"]
                            ));
                        }
                    }
                }
                count += usize::from(judged);
            }
        }
        (count, wrong)
    }
}

/// A case's value: itself, or a text made by repeating.
fn value_of(case: &Value) -> Value {
    match &case["value"] {
        made if made[1].get("repeat").is_some() => json!(text(made)),
        made if made.get("repeat").is_some() => json!(text(made)),
        plain => plain.clone(),
    }
}

/// Whether a problem's pointer leads to the field; a list inside of what is checked as a whole begins anew.
fn is_at(field: &str, told: &str) -> bool {
    told.len() > 1 && field.ends_with(&told[1..])
}

#[test]
fn every_amount_refuses_what_is_none() {
    let story = Story::open();
    let before = books(&story.finance);
    let (fields, wrong) = story.refused("every_amount", is_amount);
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert!(fields >= 40, "{fields} amounts");
    assert_eq!(books(&story.finance), before, "nothing was posted");
}

#[test]
fn every_text_refuses_what_nobody_can_read() {
    let story = Story::open();
    let (fields, wrong) = story.refused("every_text", is_text);
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert!(fields >= 150, "{fields} texts");
}
