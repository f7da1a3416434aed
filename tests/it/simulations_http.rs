//! Simulations over HTTP: whoever left one finds it again, and so does everybody else of finance.

use diesel::connection::SimpleConnection;
use harness::{Client, eventually};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::imports_lost::{end, waiting};
use crate::shop::Shop;

const PERIOD: [&str; 2] = ["2026-01-01", "2030-12-31"];

fn tried(client: &Client, changes: &Value) -> Value {
    let mut question = json!({ "from": PERIOD[0], "to": PERIOD[1] });
    question.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let answer = client.post("/v1/rules/simulate", &question);
    assert!([200, 202].contains(&answer.status), "{}", answer.text());
    done(client, &answer.json())
}

/// A shop with a purchase to try changes on.
fn sold() -> Shop {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "1000.00");
    shop.program.post("/v1/purchases", &sale).expect(201);
    shop
}

/// The same simulation when it is done.
pub fn done(client: &Client, begun: &Value) -> Value {
    let path = format!("/v1/rules/simulations/{}", begun["id"].as_str().unwrap());
    eventually("the simulation is done", || {
        let now = client.get(&path).expect(200).json();
        assert_ne!(now["status"], "failed", "{now}");
        (now["status"] == "done").then_some(now)
    })
}

#[test]
fn simulations_are_found_again_with_who_asked_what() {
    let shop = sold();
    let (finance, controller) = (shop.finance(), shop.server.as_staff(Role::Controller, None));
    assert_eq!(finance.get("/v1/rules/simulations").expect(200).json(), json!({ "items": [], "next": null }));

    let ours = finance.get("/v1/rules").expect(200).json()["items"][0].clone();
    let draft = |name: &str| json!({ "name": name, "partner": "market", "earn": { "percent": "10" } });
    let first = tried(&finance, &json!({ "drafts": [draft("Осень")], "end": [ours["id"]] }));
    let second = tried(
        &controller,
        &json!({ "partner": "market", "replace": [{ "id": ours["id"], "rule": draft("Зима") }] }),
    );
    let list = finance.get("/v1/rules/simulations").expect(200).json();
    let items = list["items"].as_array().unwrap();
    let ids: Vec<&Value> = items.iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&second["id"], &first["id"]], "everybody's, the newest first");
    assert_eq!(items[0]["asked"]["by"]["email"], "controller@example.org");
    assert_eq!(items[0]["asked"]["rules"], json!(["Зима"]));
    assert_eq!(
        (&items[0]["asked"]["partner"], &items[1]["asked"]["partner"]),
        (&json!("market"), &json!(null))
    );
    assert_eq!(items[1]["asked"]["by"]["email"], "finance@example.org");
    assert_eq!(
        items[1]["asked"]["rules"],
        json!(["Осень", ours["name"]]),
        "what would be new, and what would end"
    );
    assert_eq!([&items[1]["asked"]["from"], &items[1]["asked"]["to"]], PERIOD);
    assert!(items[1]["asked"]["at"].is_string());
    assert_eq!(
        (&items[1]["status"], &items[1]["seen"], &items[1]["of"]),
        (&json!("done"), &json!(1), &json!(1))
    );
    assert_eq!(items[1]["cost"], first["cost"]);
    assert_eq!(first["asked"], items[1]["asked"], "one of them says the same");

    let auditor = shop.server.as_staff(Role::Auditor, None);
    let page = auditor.get("/v1/rules/simulations?limit=1").expect(200).json();
    assert_eq!(page["items"], json!([items[0]]));
    let next = page["next"].as_str().unwrap();
    let rest = auditor.get(&format!("/v1/rules/simulations?limit=1&after={next}")).expect(200).json();
    assert_eq!((&rest["items"], &rest["next"]), (&json!([items[1]]), &json!(null)));
    assert_eq!(shop.server.as_cashier(&shop.partner).get("/v1/rules/simulations").problem(403), "forbidden");
}

#[test]
fn a_simulation_outlives_the_database_that_is_lost_in_it_but_not_for_ever() {
    let shop = sold();
    let finance = shop.finance();
    let question = json!({ "from": PERIOD[0], "to": PERIOD[1],
        "drafts": [{ "name": "Осень", "partner": "market", "earn": { "percent": "10" } }] });
    let (mut tables, mut other) = (shop.server.connect(), shop.server.connect());
    let mut lost_in = |times: usize| {
        tables.batch_execute("BEGIN; LOCK TABLE ledger.purchases").unwrap();
        let begun = finance.post("/v1/rules/simulate", &question).expect(202).json();
        let reads = |before| waiting(&shop.server, "%FROM ledger.purchases%", before);
        let last = (0..times).fold(0, |before, _| {
            let found = reads(before);
            end(&mut other, found);
            found
        });
        if times < 5 {
            reads(last);
        }
        tables.batch_execute("COMMIT").unwrap();
        begun
    };
    let begun = lost_in(4);
    assert_eq!(done(&finance, &begun)["seen"], 1);

    // Somebody ends it again and again, and others wait.
    let ended = lost_in(5);
    let path = format!("/v1/rules/simulations/{}", ended["id"].as_str().unwrap());
    let problem = eventually("it is given up", || {
        let now = finance.get(&path).expect(200).json();
        assert_ne!(now["status"], "done", "{now}");
        (now["status"] == "failed").then(|| now["problem"].clone())
    });
    assert_eq!(problem, "the database was lost in it 5 times");
    tried(&finance, &json!({}));
}
