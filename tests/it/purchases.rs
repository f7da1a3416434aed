//! A partner's program over HTTP: resolve, quote, post, post again, refund, in batches and in races.

use card_issuer::number::CardNumber;
use chrono::TimeDelta;
use harness::{Answer, Client, TestServer};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Shop, books, partner_with, rule, slug};

fn of_id(purchase: &Value) -> String {
    format!("/v1/purchases/{}", purchase["id"].as_str().unwrap())
}

fn refund(client: &Client, purchase: &Value, body: Value) -> Answer {
    client.post(&format!("{}/refunds", of_id(purchase)), &body)
}

/// Everything that must always hold does.
pub fn verified(server: &TestServer) {
    let report = cashback_engine::ledger::audit::verify(&mut server.connect(), &server.app.books).unwrap();
    assert!(report.ok, "{}", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn from_the_code_to_the_refund() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let code = shop.code(&anna);
    let card = shop.program.post("/v1/cards/resolve", &json!({ "code": code })).expect(200).json();
    assert_eq!((&card["status"], &card["may_redeem"]), (&json!("valid"), &json!(true)));
    assert_eq!(card["available"], "0.00");
    assert_eq!(card["offers"], json!([{ "name": "rule", "text": "5%" }]));
    assert_eq!(card.as_object().unwrap().len(), 5, "nothing about the person: {card}");
    let again = shop.program.post("/v1/cards/resolve", &json!({ "code": code })).expect(200).json();
    assert_eq!(again["resolution"], card["resolution"], "while the code lives it is the same");

    let shown = ("resolution", card["resolution"].as_str().unwrap());
    let sale = shop.sale(shown, "R-1", "1050.00");
    let quote = shop.program.post("/v1/purchases/quote", &sale).expect(200).json();
    assert_eq!((&quote["cashback"]["amount"], &quote["commission"]), (&json!("52.50"), &json!("21.00")));
    let finance = shop.finance();
    assert!(books(&finance).values().all(|balance| balance == "0.00"), "a quote posts nothing");
    shop.program.get("/v1/purchases?outlet=market-1&receipt=R-1").problem(404);

    let posted = shop.program.post("/v1/purchases", &sale).expect(201);
    let purchase = posted.json();
    assert_eq!(posted.header("location"), of_id(&purchase));
    for (field, value) in [("status", "posted"), ("outlet", "market-1"), ("receipt", "R-1")] {
        assert_eq!(purchase[field], value);
    }
    for (field, value) in
        [("amount", "1050.00"), ("redeemed", "0.00"), ("paid", "1050.00"), ("commission", "21.00")]
    {
        assert_eq!(purchase[field], value);
    }
    assert_eq!(purchase["refunded"], "0.00");
    assert_eq!(purchase["balance"], json!({ "pending": "52.50", "available": "0.00" }));
    let cashback = &purchase["cashback"];
    assert_eq!((&cashback["amount"], &cashback["status"]), (&json!("52.50"), &json!("pending")));
    assert_eq!(cashback["rules"][0]["amount"], "52.50");
    assert_eq!(cashback["rules"][0]["version"], 1);

    let replay = shop.program.post("/v1/purchases", &sale).expect(200).json();
    assert_eq!(replay["id"], purchase["id"]);
    assert_eq!(
        (&replay["cashback"], &replay["commission"]),
        (&purchase["cashback"], &purchase["commission"])
    );
    let mut other = sale.clone();
    other["amount"] = json!("1050.01");
    assert_eq!(shop.program.post("/v1/purchases", &other).problem(409), "receipt-conflict");
    let found = shop.program.get("/v1/purchases?outlet=market-1&receipt=R-1").expect(200).json();
    assert_eq!(found, shop.program.get(&of_id(&purchase)).expect(200).json());

    let back = refund(&shop.program, &purchase, json!({ "amount": "50.00", "reference": "B-1" })).expect(201);
    let back = back.json();
    assert_eq!((&back["status"], &back["refunded"]), (&json!("partly_refunded"), &json!("50.00")));
    assert_eq!((&back["cashback"]["amount"], &back["commission"]), (&json!("50.00"), &json!("20.00")));
    let same = refund(&shop.program, &purchase, json!({ "amount": "50.00", "reference": "B-1" })).expect(200);
    assert_eq!(same.json(), back);
    let changed = refund(&shop.program, &purchase, json!({ "amount": "50.01", "reference": "B-1" }));
    assert_eq!(changed.problem(409), "reference-conflict");
    let over = refund(&shop.program, &purchase, json!({ "amount": "1000.01", "reference": "B-2" }));
    assert_eq!(over.json()["errors"][0]["pointer"], "#/amount");
    assert_eq!(over.problem(422), "refund-too-much");
    let rest =
        refund(&shop.program, &purchase, json!({ "amount": "1000.00", "reference": "B-2" })).expect(201);
    let rest = rest.json();
    assert_eq!((&rest["status"], &rest["refunded"]), (&json!("refunded"), &json!("1050.00")));
    assert!(books(&finance).values().all(|balance| balance == "0.00"), "all undone");
    // The first answer stays the first answer; the state is that of now.
    let late = shop.program.post("/v1/purchases", &sale).expect(200).json();
    assert_eq!((&late["cashback"]["amount"], &late["status"]), (&json!("52.50"), &json!("refunded")));
    verified(&shop.server);
}

#[test]
fn offers_are_those_of_today() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let day = |days: i64| (shop.server.app.now() + TimeDelta::days(days)).date_naive().to_string();
    for (name, when) in [
        ("over", json!({ "until": day(-2) })),
        ("to come", json!({ "from": day(3) })),
        ("now", json!({ "from": day(-2), "until": day(2) })),
    ] {
        rule(&shop.server, "market", json!({ "name": name, "earn": { "percent": "7" }, "when": when }));
    }
    let asked = json!({ "card_number": anna.card.number.as_str() });
    let card = shop.program.post("/v1/cards/resolve", &asked).expect(200).json();
    let names: Vec<&str> =
        card["offers"].as_array().unwrap().iter().map(|offer| offer["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rule", "now"]);
}

#[test]
fn the_example_of_the_money_rules() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "300.00");
    let halves = json!([{ "by": "partner", "share": "0.5" }, { "by": "C-001", "share": "0.5" }]);
    let partner = partner_with(&shop.server, "store", "0.03");
    let terms = json!({ "when": { "categories": ["a"] }, "earn": { "percent": "10" }, "funding": halves });
    rule(&shop.server, "store", terms);
    let program = shop.server.as_partner(&partner);
    let mut sale = shop.sale(("code", &shop.code(&anna)), "R-1", "1000.00");
    sale["outlet"] = json!("store-1");
    sale["redeem"] = json!("300.00");
    let lines = [("A", "a", "600.00"), ("B", "b", "400.00")]
        .map(|(sku, category, amount)| json!({ "sku": sku, "category": category, "amount": amount }));
    sale["lines"] = json!(lines);
    let purchase = program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!((&purchase["redeemed"], &purchase["paid"]), (&json!("300.00"), &json!("700.00")));
    assert_eq!(
        (&purchase["cashback"]["amount"], &purchase["commission"]),
        (&json!("42.00"), &json!("21.00"))
    );
    assert_eq!(purchase["balance"], json!({ "pending": "42.00", "available": "0.00" }));
    let finance = shop.finance();
    let after = books(&finance);
    assert_eq!(after["receivable:store"], "-258.00");
    assert_eq!((after["funding:C-001"].as_str(), after["commission:union"].as_str()), ("21.00", "21.00"));
    assert_eq!((after["member:pending"].as_str(), after["member:available"].as_str()), ("42.00", "0.00"));

    let back =
        refund(&program, &purchase, json!({ "lines": [lines[0]], "reference": "A" })).expect(201).json();
    assert_eq!((&back["cashback"]["amount"], &back["commission"]), (&json!("0.00"), &json!("8.40")));
    let after = books(&finance);
    assert_eq!(after["receivable:store"], "-111.60");
    assert_eq!((after["funding:C-001"].as_str(), after["commission:union"].as_str()), ("0.00", "8.40"));
    assert_eq!((after["member:pending"].as_str(), after["member:available"].as_str()), ("0.00", "180.00"));
    let twice = refund(&program, &purchase, json!({ "lines": [lines[0]], "reference": "A2" }));
    assert_eq!(twice.problem(422), "invalid");
    verified(&shop.server);
}

#[test]
fn small_refunds_take_back_what_one_would() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let partner = partner_with(&shop.server, "kiosk", "0.02");
    rule(&shop.server, "kiosk", json!({ "earn": { "per": "10.00", "amount": "1.00" } }));
    let program = shop.server.as_partner(&partner);
    let mut sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "21.90");
    sale["outlet"] = json!("kiosk-1");
    let purchase = program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!(purchase["cashback"]["amount"], "2.00");
    assert!(purchase.get("balance").is_none(), "a bare number tells no balance");
    let mut left = Vec::new();
    for (reference, amount) in [("1", "5.00"), ("2", "5.00"), ("3", "5.00"), ("4", "6.90")] {
        let back =
            refund(&program, &purchase, json!({ "amount": amount, "reference": reference })).expect(201);
        left.push(back.json()["cashback"]["amount"].as_str().unwrap().to_owned());
    }
    assert_eq!(left, ["1.00", "1.00", "0.00", "0.00"]);
    let finance = shop.finance();
    assert!(books(&finance).values().all(|balance| balance == "0.00"));
    let kinds = finance.get("/v1/ledger/postings").expect(200).json();
    assert_eq!(kinds["items"].as_array().unwrap().len(), 5);
    verified(&shop.server);
}

#[test]
fn a_thousand_at_once_each_standing_alone() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let number = anna.card.number.as_str();
    let good = |receipt: &str| shop.sale(("card_number", number), receipt, "100.00");
    let mut sent = Vec::new();
    let mut expected = Vec::new();
    for place in 0..1_000 {
        let receipt = format!("R-{place:04}");
        let mut one = good(&receipt);
        expected.push(match place % 10 {
            1 => {
                one["amount"] = json!("1.005");
                (422, "invalid")
            }
            2 => {
                one["outlet"] = json!("elsewhere");
                (422, "invalid")
            }
            3 => {
                one["surprise"] = json!(1);
                (422, "invalid")
            }
            4 => {
                // The one before the last good one once more.
                one = good(&format!("R-{:04}", place - 4));
                (200, "")
            }
            5 => {
                one = good(&format!("R-{:04}", place - 5));
                one["amount"] = json!("99.00");
                (409, "receipt-conflict")
            }
            6 => {
                one = json!([1]);
                (422, "invalid")
            }
            _ => (201, ""),
        });
        sent.push(one);
    }
    let answers = shop.program.post("/v1/purchases/batch", &json!({ "purchases": sent })).expect(200).json();
    let results = answers["results"].as_array().unwrap();
    assert_eq!(results.len(), 1_000);
    for (place, (result, (status, kind))) in results.iter().zip(&expected).enumerate() {
        if place % 10 == 6 {
            assert!([400, 422].contains(&result["status"].as_u64().unwrap()), "{place}: {result}");
            continue;
        }
        assert_eq!(result["status"], *status, "{place}: {result}");
        match result.get("purchase") {
            Some(purchase) => assert_eq!(purchase["receipt"], sent[place]["receipt"], "{place}"),
            None => {
                assert_eq!(slug(&result["problem"]), *kind, "{place}: {result}");
                assert_eq!(result["problem"]["status"], *status);
            }
        }
        if place % 10 == 4 {
            assert_eq!(result["purchase"]["id"], results[place - 4]["purchase"]["id"]);
        }
    }
    assert_eq!(results[1]["problem"]["errors"][0]["pointer"], "#/amount");
    assert_eq!(books(&shop.finance())["member:pending"], "2000.00", "400 purchases of 5.00 each");
    for (wrong, pointer) in [(json!([]), "#/purchases"), (json!(vec![json!({}); 1_001]), "#/purchases")] {
        let answer = shop.program.post("/v1/purchases/batch", &json!({ "purchases": wrong }));
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
        assert_eq!(answer.problem(422), "invalid");
    }
    verified(&shop.server);
}

#[test]
fn partners_never_see_each_other() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let other = shop.server.partner("bakery", &["bakery-1"]);
    let stranger = shop.server.as_partner(&other);
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    let purchase = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let never = json!({ "id": "0190b5b0-0000-7000-8000-000000000000" });
    let body = json!({ "amount": "1.00", "reference": "x" });
    for (method, rest, body) in [
        ("GET", "", json!({})),
        ("POST", "/refunds", body),
        ("POST", "/capture", json!({})),
        ("POST", "/void", json!({})),
    ] {
        let ask = |one: &Value| {
            let path = format!("{}{rest}", of_id(one));
            if method == "GET" { stranger.get(&path) } else { stranger.post(&path, &body) }
        };
        let (theirs, unknown) = (ask(&purchase), ask(&never));
        assert_eq!(theirs.body, unknown.body, "{rest}");
        assert_eq!(theirs.problem(404), "not-found", "{rest}");
    }
    let lookup = |receipt: &str| stranger.get(&format!("/v1/purchases?outlet=market-1&receipt={receipt}"));
    assert_eq!(lookup("R-1").body, lookup("R-2").body);
    assert_eq!(lookup("R-1").problem(404), "not-found");
    // Posting into the other's outlet is no way to learn of a receipt.
    let mut second = sale.clone();
    second["receipt"] = json!("R-2");
    let (known, unknown) = (stranger.post("/v1/purchases", &sale), stranger.post("/v1/purchases", &second));
    assert_eq!(known.body, unknown.body);
    assert_eq!(known.problem(422), "invalid");
    assert_eq!(shop.program.get(&of_id(&purchase)).expect(200).json()["refunded"], "0.00");
}

#[test]
fn who_counts_through_numbers_is_stopped() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let unknown = |place: usize| {
        let numbers = (0..10).map(|digit| format!("9643000{place:08}{digit}"));
        let mut right = numbers.filter(|number| CardNumber::parse(number).is_ok());
        right.next().expect("one check digit of ten is right")
    };
    for place in 0..20 {
        let number = unknown(place);
        let answer = shop.program.post("/v1/cards/resolve", &json!({ "card_number": number }));
        assert_eq!(answer.problem(404), "card-unknown", "{place}");
    }
    let mine = json!({ "card_number": anna.card.number.as_str() });
    let stopped = shop.program.post("/v1/cards/resolve", &mine);
    let wait: u64 = stopped.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(!stopped.header("ratelimit").is_empty());
    assert_eq!(stopped.problem(429), "too-many-requests");
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    shop.program.post("/v1/purchases", &sale).problem(429);
    shop.program.post("/v1/purchases/quote", &sale).problem(429);
    let batch = shop.program.post("/v1/purchases/batch", &json!({ "purchases": [sale] })).expect(200).json();
    assert_eq!(batch["results"][0]["status"], 429, "each stands alone: {batch}");
    // Nobody else is stopped, and a minute later nobody is.
    shop.server.as_cashier(&shop.partner).post("/v1/cards/resolve", &mine).expect(200);
    shop.server.clock.advance(TimeDelta::seconds(61));
    shop.program.post("/v1/cards/resolve", &mine).expect(200);

    let guesses: Vec<Value> = (0..40)
        .map(|place| shop.sale(("card_number", &unknown(place)), &format!("G-{place}"), "1.00"))
        .collect();
    let answers =
        shop.program.post("/v1/purchases/batch", &json!({ "purchases": guesses })).expect(200).json();
    let statuses: Vec<u64> = answers["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [vec![404; 20], vec![429; 20]].concat(), "counted within the batch");
    assert_eq!(shop.program.post("/v1/cards/resolve", &mine).problem(429), "too-many-requests");
}

#[test]
fn authorised_then_captured_or_voided() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "100.00");
    let finance = shop.finance();
    let authorise = |receipt: &str| {
        let mut sale = shop.sale(("code", &shop.code(&anna)), receipt, "200.00");
        sale["redeem"] = json!("40.00");
        sale["capture"] = json!(false);
        (shop.program.post("/v1/purchases", &sale).expect(201).json(), sale)
    };
    let (first, sale) = authorise("R-1");
    assert_eq!((&first["status"], &first["redeemed"]), (&json!("authorized"), &json!("40.00")));
    assert_eq!(first["balance"], json!({ "pending": "0.00", "available": "60.00" }));
    assert_eq!(shop.program.post("/v1/purchases", &sale).expect(200).json()["status"], "authorized");
    assert_eq!(books(&finance)["member:reserved"], "40.00");
    let early = refund(&shop.program, &first, json!({ "amount": "1.00", "reference": "x" }));
    assert_eq!(early.problem(409), "purchase-state");
    let path = |purchase: &Value, verb: &str| format!("{}/{verb}", of_id(purchase));
    let over = shop.program.post(&path(&first, "capture"), &json!({ "amount": "200.01" }));
    assert_eq!(over.status, 422, "{}", over.text());
    let captured =
        shop.program.post(&path(&first, "capture"), &json!({ "amount": "150.00" })).expect(200).json();
    assert_eq!((&captured["status"], &captured["refunded"]), (&json!("partly_refunded"), &json!("50.00")));
    assert_eq!((&captured["cashback"]["amount"], &captured["commission"]), (&json!("6.00"), &json!("2.40")));
    let after = books(&finance);
    let members = ["member:available", "member:reserved", "member:pending"].map(|name| after[name].as_str());
    assert_eq!(members, ["70.00", "0.00", "6.00"], "three quarters of everything");
    assert_eq!(after["receivable:market"], "-21.60", "6.00 + 2.40 - 30.00");
    assert_eq!(shop.program.post(&path(&first, "void"), &json!({})).problem(409), "purchase-state");

    let (second, _) = authorise("R-2");
    let voided = shop.program.post(&path(&second, "void"), &json!({})).expect(200).json();
    assert_eq!(voided["status"], "voided");
    let after = books(&finance);
    let members = ["member:available", "member:reserved", "member:pending"].map(|name| after[name].as_str());
    assert_eq!(members, ["70.00", "0.00", "6.00"]);
    assert_eq!(shop.program.post(&path(&second, "capture"), &json!({})).problem(409), "purchase-state");
    verified(&shop.server);
}

#[test]
fn wrong_purchases_name_the_field_and_post_nothing() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let number = anna.card.number.as_str();
    let good = shop.sale(("card_number", number), "R-1", "100.00");
    let cases = [
        ("/amount", json!("0.00"), "#/amount"),
        ("/amount", json!("10000000.01"), "#/amount"),
        ("/amount", json!("1,50"), "#/amount"),
        ("/amount", json!("1e2"), "#/amount"),
        ("/amount", json!("1.005"), "#/amount"),
        ("/amount", json!(100), "#/amount"),
        ("/receipt", json!(" R"), "#/receipt"),
        ("/receipt", json!("x".repeat(65)), "#/receipt"),
        ("/receipt", json!("a\u{202e}b"), "#/receipt"),
        ("/outlet", json!("nowhere"), "#/outlet"),
        ("/occurred_at", json!("2026-02-30T00:00:00Z"), "#/occurred_at"),
        ("/occurred_at", json!("2026-11-21T10:00:00"), "#/occurred_at"),
        ("/occurred_at", json!("2020-01-01T00:00:00Z"), "#/occurred_at"),
        ("/occurred_at", json!("2999-01-01T00:00:00Z"), "#/occurred_at"),
        ("/lines", json!([{ "amount": "99.00" }]), "#/lines"),
        ("/lines", json!([{ "amount": "100.00", "quantity": "1.0001" }]), "#/lines/0/quantity"),
        ("/lines", json!([{ "amount": "99.00" }, { "amount": "1" , "price": "1.00" }]), "#/lines/1"),
        ("/redeem", json!("10.00"), "#/redeem"),
        ("/fiscal", json!("not a receipt"), "#/fiscal"),
        ("/card_number", json!("9643000000000000"), "#/card_number"),
        ("/card_number", Value::Null, "#/code"),
        ("/surprise", json!(1), "#/surprise"),
    ];
    for (field, value, pointer) in cases {
        let mut sale = good.clone();
        sale[&field[1..]] = value.clone();
        let answer = shop.program.post("/v1/purchases", &sale);
        let body = answer.json();
        assert_eq!(answer.status, 422, "{field} {value}: {body}");
        let found = body["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert!(found.starts_with(pointer), "{field} {value}: {body}");
        let russian = shop.program.with("accept-language", "ru").post("/v1/purchases", &sale).json();
        let detail = russian["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.chars().any(|c| ('а'..='я').contains(&c)), "{field} {value}: {detail}");
    }
    let finance = shop.server.as_staff(Role::Finance, None);
    assert_eq!(finance.get("/v1/ledger/postings").expect(200).json()["items"], json!([]));
}
