//! A member's balance is for a live code alone, and a live code is for a purchase of now alone.

use chrono::TimeDelta;
use harness::Client;
use serde_json::{Value, json};

use crate::shop::{Holder, Shop};

/// The same purchase with something else shown.
fn showing(sale: &Value, name: &str, value: &str) -> Value {
    let mut sale = sale.clone();
    let fields = sale.as_object_mut().unwrap();
    for shown in ["code", "card_number", "proof", "resolution"] {
        fields.remove(shown);
    }
    fields.insert(name.to_owned(), json!(value));
    sale
}

/// A code of the card's that no device of it draws.
fn made_up(shop: &Shop, holder: &Holder) -> String {
    let drawn = shop.draw(holder);
    let digits: u32 = drawn[16..].parse().unwrap();
    format!("{}{:08}", &drawn[..16], (digits + 1) % 100_000_000)
}

/// What posting, quoting and a batch answer to a purchase that is there.
fn again(client: &Client, sale: &Value) -> Vec<Value> {
    let alone = client.post("/v1/purchases", sale).expect(200).json();
    let quoted = client.post("/v1/purchases/quote", sale).expect(200).json();
    let batch = client.post("/v1/purchases/batch", &json!({ "purchases": [sale, sale] })).expect(200).json();
    let results = batch["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result["status"] == 200), "{batch}");
    let batched = results.iter().map(|result| result["purchase"].clone());
    [alone, quoted].into_iter().chain(batched).collect()
}

#[test]
fn a_made_up_code_tells_no_balance_of_a_purchase_that_is_there() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "50.00");
    let bare = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "0.01");
    let posted = shop.program.post("/v1/purchases", &bare).expect(201).json();
    let zeros = format!("{}00000000", anna.card.number.as_str());
    for code in [made_up(&shop, &anna), zeros] {
        for answer in again(&shop.program, &showing(&bare, "code", &code)) {
            assert_eq!(answer["id"], posted["id"]);
            assert!(answer.get("balance").is_none(), "{answer}");
        }
    }
    let right = showing(&bare, "code", &shop.code(&anna));
    for answer in again(&shop.program, &right) {
        assert_eq!(answer["balance"]["available"], "50.00", "the member shows the card: {answer}");
    }
    // Guesses are counted, whatever they are guessed at.
    let wrong = showing(&bare, "code", &made_up(&shop, &anna));
    let many = json!({ "purchases": vec![&wrong; 30] });
    shop.program.post("/v1/purchases/batch", &many).expect(200);
    for answer in again(&shop.program, &right) {
        assert!(answer.get("balance").is_none(), "{answer}");
    }
    let resolved = shop.program.post("/v1/cards/resolve", &json!({ "code": shop.draw(&anna) }));
    assert_eq!(resolved.problem(429), "too-many-requests");
}

#[test]
fn the_answer_to_a_live_code_is_the_same_again() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "50.00");
    let by_code = shop.sale(("code", &shop.code(&anna)), "R-1", "100.00");
    let first = shop.program.post("/v1/purchases", &by_code).expect(201).json();
    assert_eq!(first["balance"], json!({ "pending": "5.00", "available": "50.00" }));
    for answer in again(&shop.program, &by_code) {
        assert_eq!(answer["balance"], first["balance"], "{answer}");
    }
    let card =
        shop.program.post("/v1/cards/resolve", &json!({ "code": shop.code(&anna) })).expect(200).json();
    let resolution = card["resolution"].as_str().unwrap();
    let by_resolution = shop.sale(("resolution", resolution), "R-2", "100.00");
    let second = shop.program.post("/v1/purchases", &by_resolution).expect(201).json();
    assert_eq!(second["balance"], json!({ "pending": "10.00", "available": "50.00" }));
    for answer in again(&shop.program, &by_resolution) {
        assert_eq!(answer["balance"], second["balance"], "{answer}");
    }
    // It served the second purchase: of the first it tells nothing.
    for answer in again(&shop.program, &showing(&by_code, "resolution", resolution)) {
        assert!(answer.get("balance").is_none(), "{answer}");
    }
    shop.server.clock.advance(TimeDelta::minutes(16));
    for answer in again(&shop.program, &by_resolution) {
        assert!(answer.get("balance").is_none(), "{answer}");
    }
}

#[test]
fn the_code_of_a_purchase_sent_late_is_as_good_as_the_number() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "50.00");
    let code = shop.code(&anna);
    let lost = shop.sale(("code", &code), "R-1", "100.00");
    let used = shop.sale(("code", &code), "R-2", "100.00");
    shop.program.post("/v1/purchases", &used).expect(201);
    shop.server.clock.advance(TimeDelta::seconds(110));
    assert_eq!(shop.program.post("/v1/purchases", &lost).problem(409), "code-used", "not late yet");

    shop.server.clock.advance(TimeDelta::minutes(8));
    let mut redeeming = lost.clone();
    redeeming["redeem"] = json!("10.00");
    let refused = shop.program.post("/v1/purchases", &redeeming);
    assert_eq!(refused.json()["errors"][0]["pointer"], "#/redeem");
    assert_eq!(refused.problem(422), "invalid");
    let quoted = shop.program.post("/v1/purchases/quote", &lost).expect(200).json();
    let posted = shop.program.post("/v1/purchases", &lost).expect(201).json();
    for answer in [quoted, posted] {
        assert_eq!(answer["cashback"]["amount"], "5.00");
        assert!(answer.get("balance").is_none(), "{answer}");
    }
    // A code that is hours old is no guess at one.
    let digits = made_up(&shop, &anna);
    shop.server.clock.advance(TimeDelta::hours(5));
    let late: Vec<Value> = (0..70)
        .map(|place| {
            let mut sale = showing(&lost, "code", &digits);
            sale["receipt"] = json!(format!("L-{place}"));
            sale
        })
        .collect();
    let program = shop.server.as_partner(&shop.partner);
    let batch = program.post("/v1/purchases/batch", &json!({ "purchases": late })).expect(200).json();
    let statuses = crate::shop::column(&batch["results"], "status");
    assert!(statuses.iter().all(|status| **status == 201), "{batch}");
    // Nothing but a purchase: the card itself is asked about with a code of now.
    let resolve = |code: &str| program.post("/v1/cards/resolve", &json!({ "code": code }));
    assert_eq!(resolve(&code).problem(409), "code-used", "hours ago");
    resolve(&shop.code(&anna)).expect(200);
}
