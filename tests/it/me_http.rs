//! A member's own page: balances, operations and their explanations, the programme, the settings, and live news.

use std::io::BufRead;

use cashback_engine::texts::Language;
use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use harness::Client;
use serde_json::{Value, json};

use crate::shop::{Shop, column};

fn moscow(at: DateTime<Utc>) -> NaiveDate {
    (at + TimeDelta::hours(3)).date_naive()
}

/// A member's operations, which are the same page by page, and what the last page was asked after.
pub fn operations(me: &Client) -> (Vec<Value>, String) {
    let whole = me.get("/v1/me/operations").expect(200).json()["items"].clone();
    let (mut read, mut after) = (Vec::new(), String::new());
    let mut path = "/v1/me/operations?limit=1".to_owned();
    loop {
        let page = me.get(&path).expect(200).json();
        read.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/me/operations?limit=1&after={next}");
        next.clone_into(&mut after);
    }
    assert_eq!(json!(read), whole, "page by page it is the same");
    (read, after)
}

#[test]
fn operations_explain_themselves_in_the_readers_language() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let bought_on = moscow(shop.server.app.now());
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "1050.00");
    let purchase = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let me = shop.server.as_member("1001");
    let operations = |language: &str| {
        me.with("accept-language", language).get("/v1/me/operations").expect(200).json()["items"].clone()
    };
    let (from, until) = (bought_on + TimeDelta::days(15), bought_on + Months::new(12));
    let russian = operations("ru-RU,ru;q=0.9,en;q=0.8");
    assert_eq!(
        russian[0]["explanation"],
        json!([
            "Покупка на 1\u{202f}050,00\u{a0}₽. Кешбэк: 52,50\u{a0}₽.",
            format!(
                "«rule»: 5\u{a0}% от 1\u{202f}050,00\u{a0}₽ = 52,50\u{a0}₽. Платит партнёр. \
                 Можно тратить с {} по {}.",
                Language::Russian.date(from),
                Language::Russian.date(until)
            ),
        ])
    );
    let english = operations("en");
    assert_eq!(english[0]["explanation"][0], "Purchase of 1,050.00\u{a0}₽. Cashback: 52.50\u{a0}₽.");
    assert_eq!((&english[0]["kind"], &english[0]["amount"]), (&json!("purchase"), &json!("52.50")));
    assert_eq!(english[0]["partner"], json!({ "code": "market", "name": "market" }));
    assert_eq!((&english[0]["purchase_id"], &english[0]["status"]), (&purchase["id"], &json!("pending")));
    assert_eq!(english[0]["expires_on"], until.to_string());
    assert_eq!(english[0]["available_at"], purchase["cashback"]["available_at"]);

    let path = format!("/v1/purchases/{}/explanation", purchase["id"].as_str().unwrap());
    let explained = me.get(&path).expect(200).json();
    assert_eq!(explained["lines"], english[0]["explanation"]);
    let applied = &explained["rules"][0];
    assert_eq!((&applied["applied"], &applied["eligible"]), (&json!(true), &json!("1050.00")));
    assert_eq!(applied["amount"], "52.50");
    assert_eq!(applied["funders"], json!([{ "by": "partner", "amount": "52.50" }]));
    shop.holder("1002");
    let other = shop.server.as_member("1002");
    let unknown = other.get("/v1/purchases/0190b5b0-0000-7000-8000-000000000000/explanation");
    let theirs = other.get(&path);
    assert_eq!(theirs.body, unknown.body);
    assert_eq!(theirs.problem(404), "not-found");
    assert_eq!(other.get("/v1/me/operations").expect(200).json()["items"], json!([]));
}

#[test]
fn balances_and_operations_tell_the_same_story() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "80.00");
    let mut sale = shop.sale(("code", &shop.code(&anna)), "R-1", "200.00");
    sale["redeem"] = json!("50.00");
    let purchase = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let back = json!({ "amount": "100.00", "reference": "B-1" });
    let path = format!("/v1/purchases/{}/refunds", purchase["id"].as_str().unwrap());
    shop.program.post(&path, &back).expect(201);
    let me = shop.server.as_member("1001");
    let balance = me.get("/v1/me/balance").expect(200).json();
    let four = ["pending", "available", "reserved", "debt"].map(|name| balance[name].as_str().unwrap());
    assert_eq!(four, ["3.75", "55.00", "0.00", "0.00"]);
    assert_eq!(balance["currency"], "RUB");
    assert_eq!(column(&balance["expiring"], "amount")[0], "55.00");

    let (whole, next) = operations(&me);
    let told: Vec<(&str, &str)> =
        whole.iter().map(|one| (one["kind"].as_str().unwrap(), one["amount"].as_str().unwrap())).collect();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(
        sorted,
        [("purchase", "7.50"), ("purchase", "80.00"), ("redemption", "-50.00"), ("refund", "21.25")],
        "25.00 of points back, 3.75 of cashback taken"
    );

    let flipped = if next.starts_with('A') { "B" } else { "A" };
    for tampered in [format!("{flipped}{}", &next[1..]), format!("{next}A"), "AAAA".to_owned(), String::new()]
    {
        let answer = me.get(&format!("/v1/me/operations?after={tampered}"));
        assert_eq!(answer.problem(422), "invalid", "{tampered}");
    }
    shop.holder("1002");
    let foreign = shop.server.as_member("1002").get(&format!("/v1/me/operations?after={next}"));
    assert_eq!(foreign.problem(422), "invalid", "a cursor is its reader's");
}

#[test]
fn joining_and_leaving_the_programme() {
    let shop = Shop::open();
    let member = shop.server.member("1001");
    let card = shop.server.virtual_card(member);
    let me = shop.server.as_member("1001");
    assert_eq!(me.get("/v1/me").expect(200).json()["enrolled"], false);
    let buy = |receipt: &str| {
        let sale = shop.sale(("card_number", card.number.as_str()), receipt, "100.00");
        shop.program.post("/v1/purchases", &sale).expect(201).json()["cashback"].clone()
    };
    assert_eq!(me.delete("/v1/me/enrolment").problem(404), "not-found");
    assert_eq!(buy("R-1")["reason"], "not_enrolled");
    let joined = me.post("/v1/me/enrolment", &json!({})).expect(201).json();
    assert_eq!((&joined["enrolled"], &joined["offer_version"]), (&json!(true), &json!("2026-1")));
    let again = me.post("/v1/me/enrolment", &json!({}));
    assert!(again.status < 300, "{}", again.text());
    shop.server.clock.advance(TimeDelta::seconds(1));
    assert_eq!(buy("R-2")["amount"], "5.00");
    assert_eq!(me.delete("/v1/me/enrolment").expect(200).json()["enrolled"], false);
    shop.server.clock.advance(TimeDelta::seconds(1));
    let after = buy("R-3");
    assert_eq!((&after["amount"], &after["reason"]), (&json!("0.00"), &json!("left_programme")));
    assert_eq!(me.get("/v1/me/balance").expect(200).json()["pending"], "5.00", "what was earned stays");
}

#[test]
fn settings_are_kept_and_nothing_else_can_be_set() {
    let shop = Shop::open();
    shop.holder("1001");
    let me = shop.server.as_member("1001");
    let before = me.get("/v1/me").expect(200).json();
    assert_eq!((&before["language"], &before["daily_digest"]), (&json!("ru"), &json!(true)));
    assert_eq!(before["organisation"]["code"], "C-001");
    let changed = me.patch("/v1/me", &json!({ "language": "en", "daily_digest": false })).expect(200).json();
    assert_eq!((&changed["language"], &changed["daily_digest"]), (&json!("en"), &json!(false)));
    me.patch("/v1/me", &json!({ "daily_digest": true })).expect(200);
    let now = me.get("/v1/me").expect(200).json();
    assert_eq!((&now["language"], &now["daily_digest"]), (&json!("en"), &json!(true)));
    for wrong in [
        json!({ "language": "fr" }),
        json!({ "status": "active" }),
        json!({ "balance": "1000000.00" }),
        json!({ "organisation": "R-001" }),
        json!({ "daily_digest": "yes" }),
    ] {
        assert_eq!(me.patch("/v1/me", &wrong).problem(422), "invalid", "{wrong}");
    }
    assert_eq!(me.get("/v1/me").expect(200).json(), now);
}

#[test]
fn an_open_page_hears_of_a_purchase() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let mut lines = me.stream("/v1/me/events").lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), ": open");
    let boris = shop.holder("1002");
    let buy = |number: &str, receipt: &str| {
        let sale = shop.sale(("card_number", number), receipt, "100.00");
        shop.program.post("/v1/purchases", &sale).expect(201).json()
    };
    buy(boris.card.number.as_str(), "R-1");
    let mine = buy(anna.card.number.as_str(), "R-2");
    let heard = lines.find(|line| line.starts_with("event:")).unwrap();
    assert_eq!(heard, "event: operations");
    let data: Value = serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(data["purchase_id"], mine["id"], "another's purchase is not told");
    let path = format!("/v1/purchases/{}/refunds", mine["id"].as_str().unwrap());
    shop.program.post(&path, &json!({ "amount": "1.00", "reference": "B-1" })).expect(201);
    let heard = lines.find(|line| line.starts_with("event:")).unwrap();
    assert_eq!(heard, "event: operations", "a refund is told, too");
}

#[test]
fn my_cards_their_codes_and_blocking() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let cards = me.get("/v1/me/cards").expect(200).json()["items"].clone();
    assert_eq!(column(&cards, "number"), [anna.card.number.as_str()]);
    assert_eq!(column(&cards, "status"), ["active"]);
    let path = format!("/v1/me/cards/{}", cards[0]["id"].as_str().unwrap());
    shop.to_a_step();
    let code = me.get(&format!("{path}/code")).expect(200).json();
    assert_eq!(code["value"], shop.draw(&anna));
    let card = shop.program.post("/v1/cards/resolve", &json!({ "code": code["value"] })).expect(200).json();
    assert_eq!(card["status"], "valid");
    let svg = me.get(&format!("{path}/code.svg")).expect(200);
    assert!(svg.text().starts_with("<svg") || svg.text().starts_with("<?xml"), "{:.60}", svg.text());
    let png = me.get(&format!("{path}/code.png?size=256")).expect(200);
    assert_eq!(&png.body[..4], b"\x89PNG");
    assert_eq!(me.get(&format!("{path}/code.png?size=63")).problem(422), "invalid");
    shop.holder("1002");
    let other = shop.server.as_member("1002");
    for rest in ["/code", "/code.svg", "/code.png"] {
        assert_eq!(other.get(&format!("{path}{rest}")).problem(404), "not-found");
    }
    assert_eq!(other.post(&format!("{path}/block"), &json!({ "reason": "lost" })).problem(404), "not-found");
    assert_eq!(me.post(&format!("{path}/block"), &json!({ "reason": "fraud" })).problem(422), "invalid");
    let blocked = me.post(&format!("{path}/block"), &json!({ "reason": "lost" })).expect(200).json();
    assert_eq!(blocked["status"], "blocked");
    assert_eq!(me.get(&format!("{path}/code")).problem(409), "card-blocked");
}
