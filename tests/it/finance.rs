//! Finance over HTTP: the books open down to their postings, and a rule is two people's work.

use chrono::TimeDelta;
use harness::Client;
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Shop, books, column};

fn kopecks(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap();
    assert_eq!(text.split('.').nth(1).map(str::len), Some(2), "{text}");
    text.replace('.', "").parse().unwrap()
}

/// Every item of a list, a few at a time.
fn all(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let glue = if path.contains('?') { '&' } else { '?' };
    let first = format!("{path}{glue}limit={limit}");
    let mut next = first.clone();
    let mut items = Vec::new();
    loop {
        let answer = client.get(&next).expect(200);
        let page = answer.json();
        items.extend(page["items"].as_array().unwrap().clone());
        let Some(after) = page["next"].as_str() else { return items };
        assert_eq!(page["items"].as_array().unwrap().len(), limit);
        assert!(answer.header("link").contains("rel=\"next\""));
        next = format!("{first}&after={after}");
    }
}

#[test]
fn every_figure_opens_to_its_postings() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "80.00");
    for (receipt, amount) in [("R-1", "100.00"), ("R-2", "250.50"), ("R-3", "33.33")] {
        let sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, amount);
        shop.program.post("/v1/purchases", &sale).expect(201);
    }
    let mut spent = shop.sale(("code", &shop.code(&anna)), "R-4", "100.00");
    spent["redeem"] = json!("50.00");
    let spent = shop.program.post("/v1/purchases", &spent).expect(201).json();
    let path = format!("/v1/purchases/{}", spent["id"].as_str().unwrap());
    let back = json!({ "amount": "40.00", "reference": "B-1" });
    shop.program.post(&format!("{path}/refunds"), &back).expect(201);

    let finance = shop.finance();
    let balances = books(&finance);
    for (account, balance) in &balances {
        let name = account.strip_prefix("member:").map(|kind| format!("{kind}:{}", anna.member));
        let name = name.unwrap_or_else(|| account.clone());
        let postings = all(&finance, &format!("/v1/ledger/postings?account={name}"), 2);
        let sum: i64 = postings.iter().map(|posting| kopecks(&posting["amount"])).sum();
        assert_eq!(sum, kopecks(&json!(balance)), "{account}");
        assert!(!postings.is_empty(), "{account}");
        for posting in &postings {
            let touching = posting["transfers"].as_array().unwrap().iter();
            let touched = touching.filter(|transfer| transfer["debit"] == name || transfer["credit"] == name);
            assert!(touched.count() > 0, "{name}: {posting}");
        }
    }
    assert_eq!(
        balances["receivable:market"], "-1.02",
        "20.70 cashback, 8.28 commission, less 30.00 of points"
    );
    let refund = &all(&finance, "/v1/ledger/postings", 3)[0];
    assert_eq!((&refund["kind"], &refund["receipt"]), (&json!("refund"), &json!("R-4")));
    assert_eq!(refund["purchase_id"], spent["id"]);
    assert_eq!(finance.get(&path).expect(200).json()["refunded"], "40.00");
    let explained = finance.get(&format!("{path}/explanation")).expect(200).json();
    assert_eq!(explained["rules"][0]["funders"], json!([{ "by": "partner", "amount": "2.50" }]));

    let accounts = all(&finance, "/v1/ledger/accounts", 2);
    for account in &accounts {
        // Accounts nothing has moved on stand in the list, not in the balance.
        let balance = balances.get(account["account"].as_str().unwrap()).map_or("0.00", String::as_str);
        assert_eq!(account["balance"], balance, "{account}");
    }
    let before = finance.get("/v1/ledger/trial-balance?at=2020-01-01T00:00:00Z").expect(200).json();
    assert_eq!((&before["debit_total"], &before["balanced"]), (&json!("0.00"), &json!(true)));
    for (query, status) in [
        ("account=nonsense", 422),
        ("account=receivable:nobody", 404),
        ("from=yesterday", 422),
        ("limit=0", 422),
        ("limit=201", 422),
        ("after=AAAA.BBBB", 422),
        ("sort=amount", 422),
    ] {
        let answer = finance.get(&format!("/v1/ledger/postings?{query}"));
        assert!(
            answer.status == status || (status == 422 && answer.status == 400),
            "{query}: {}",
            answer.text()
        );
    }
}

#[test]
fn a_rule_is_drafted_by_one_and_approved_by_another() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let finance = shop.finance();
    let controller = shop.server.as_staff(Role::Controller, None);
    let draft = json!({
        "name": "Осень", "partner": "market", "stacking": "additive", "earn": { "fixed": "30.00" },
        "when": { "least_amount": "100.00" }, "hold_days": 0, "life_months": null,
    });
    let made = finance.post("/v1/rules", &draft).expect(201).json();
    assert_eq!((&made["version"], &made["status"]), (&json!(1), &json!("draft")));
    assert_eq!((&made["priority"], &made["life_months"]), (&json!(0), &Value::Null));
    assert_eq!(made["funding"], json!([{ "by": "partner", "share": "1" }]));
    let buy = |receipt: &str| {
        let sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "100.00");
        shop.program.post("/v1/purchases", &sale).expect(201).json()["cashback"]["amount"].clone()
    };
    assert_eq!(buy("R-1"), "5.00", "a draft gives nothing");
    let approve = format!("/v1/rules/{}/versions/1/approve", made["id"].as_str().unwrap());
    assert_eq!(finance.post(&approve, &json!({})).problem(403), "forbidden");
    let approved = controller.post(&approve, &json!({})).expect(200).json();
    assert_eq!(approved["status"], "active");
    shop.server.clock.advance(TimeDelta::seconds(1));
    assert_eq!(controller.post(&approve, &json!({})).problem(409), "state");
    assert_eq!(buy("R-2"), "35.00");
    let ended =
        finance.post(&format!("/v1/rules/{}/end", made["id"].as_str().unwrap()), &json!({})).expect(200);
    assert_eq!(ended.json()["status"], "ended");
    shop.server.clock.advance(TimeDelta::seconds(1));
    assert_eq!(buy("R-3"), "5.00");
    let listed = finance.get("/v1/rules?partner=market").expect(200).json();
    assert_eq!(column(&listed["items"], "status"), ["active", "ended"]);
    assert_eq!(finance.get("/v1/rules?partner=nobody").problem(404), "not-found");
    let unknown = "/v1/rules/0190b5b0-0000-7000-8000-000000000000/versions/1/approve";
    assert_eq!(controller.post(unknown, &json!({})).problem(404), "not-found");
}

#[test]
fn the_drafter_does_not_approve_in_another_role() {
    let shop = Shop::open();
    let finance = shop.finance();
    let draft = json!({ "name": "x", "partner": "market", "earn": { "percent": "1" } });
    let made = finance.post("/v1/rules", &draft).expect(201).json();
    let me = finance.get("/v1/staff/me").expect(200).json()["id"].as_str().unwrap().parse().unwrap();
    let connection = &mut shop.server.connect();
    let rule = cashback_engine::RuleId(made["id"].as_str().unwrap().parse().unwrap());
    let approved = cashback_engine::rules::store::approve(connection, rule, 1, me, shop.server.app.now());
    let problem = unioncard::problem::Problem::from(approved.unwrap_err());
    assert_eq!((problem.status().as_u16(), problem.slug()), (409, "same-person"));
}

#[test]
fn wrong_rules_name_their_fields() {
    let shop = Shop::open();
    let finance = shop.finance();
    let good = json!({ "name": "x", "partner": "market", "earn": { "percent": "5" } });
    for (field, value, pointer) in [
        ("name", json!(" "), "#/name"),
        ("partner", json!("nobody"), "#/partner"),
        ("earn", json!({}), "#/earn"),
        ("earn", json!({ "percent": "101" }), "#/earn/percent"),
        ("earn", json!({ "percent": "5", "fixed": "1.00" }), "#/earn"),
        ("earn", json!({ "fixed": "1.005" }), "#/earn/fixed"),
        ("stacking", json!("both"), "#/stacking"),
        ("hold_days", json!(400), "#/life_months"),
        ("life_months", json!(0), "#/life_months"),
        ("funding", json!([{ "by": "partner", "share": "0.5" }]), "#/funding"),
        ("funding", json!([{ "by": "Z-999", "share": "1" }]), "#/funding"),
        ("when", json!({ "from": "2026-02-30" }), "#/when/from"),
        ("when", json!({ "days": ["someday"] }), "#/when/days"),
        ("when", json!({ "outlets": ["bakery-1"] }), "#/when/outlets"),
        ("when", json!({ "members": { "age": [35, 14] } }), "#/when/members/age"),
        ("caps", json!({ "per_purchase": "0.00" }), "#/caps/per_purchase"),
        ("surprise", json!(1), "#/surprise"),
    ] {
        let mut rule = good.clone();
        rule[field] = value.clone();
        let answer = finance.post("/v1/rules", &rule);
        let body = answer.json();
        assert_eq!(answer.status, 422, "{field} {value}: {body}");
        let pointers: Vec<&str> =
            body["errors"].as_array().unwrap().iter().filter_map(|error| error["pointer"].as_str()).collect();
        assert!(pointers.iter().any(|found| found.starts_with(pointer)), "{field} {value}: {body}");
    }
    assert_eq!(finance.get("/v1/rules").expect(200).json()["items"].as_array().unwrap().len(), 1);
}

#[test]
fn who_may_not_see_the_books() {
    let shop = Shop::open();
    let manager = shop.server.as_manager(&shop.partner);
    for path in ["/v1/ledger/accounts", "/v1/ledger/postings", "/v1/ledger/trial-balance", "/v1/partners"] {
        assert_eq!(manager.get(path).problem(403), "forbidden");
        assert_eq!(shop.program.get(path).problem(403), "forbidden");
        shop.server.client().get(path).problem(401);
    }
    shop.server.partner("bakery", &["bakery-1"]);
    assert_eq!(manager.get("/v1/rules?partner=bakery").problem(404), "not-found");
    assert_eq!(manager.get("/v1/rules").expect(200).json()["items"].as_array().unwrap().len(), 1);
}
