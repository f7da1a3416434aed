//! Purchases in two steps at a till: the list of what is reserved, captured for the same or less, given up; and what is
//! left of lines.

use chrono::TimeDelta;
use harness::Client;
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::auth::staff::{self, NewStaff};

use crate::me_http::operations;
use crate::shop::Shop;

fn held(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/v1/purchases?status=authorized{query}")).expect(200).json();
    page["items"].as_array().unwrap().iter().map(|one| one["receipt"].as_str().unwrap().to_owned()).collect()
}

fn lines() -> Value {
    json!([
        { "sku": "A", "category": "food", "quantity": "1.5", "amount": "60.00" },
        { "category": "tea", "amount": "40.00" },
    ])
}

/// A cashier of one outlet alone.
fn cashier_at(shop: &Shop, outlet: &str) -> Client {
    let new = NewStaff {
        email: format!("{outlet}@example.org"),
        role: Role::Cashier,
        organisation: None,
        partner: Some(shop.partner.partner.id),
        outlets: vec![outlet.to_owned()],
        password: None,
    };
    let made = staff::create(&shop.server.app, &mut shop.server.connect(), new).unwrap();
    let body = json!({ "email": made.email, "password": made.password });
    let answer = shop.server.client().post("/v1/auth/login", &body).expect(200).json();
    shop.server.client().bearer(answer["access_token"].as_str().unwrap())
}

#[test]
fn all_of_it_is_captured_without_a_body() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let mut sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    sale["capture"] = json!(false);
    let held = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let capture = format!("/v1/purchases/{}/capture", held["id"].as_str().unwrap());
    let typed = shop.program.send("POST", &capture, &[("content-type", "text/plain")], b"{}");
    assert_eq!(typed.problem(415), "unsupported-media-type");
    let captured = shop.program.send("POST", &capture, &[], b"").expect(200).json();
    assert_eq!((&captured["status"], &captured["cashback"]["amount"]), (&json!("posted"), &json!("5.00")));
}

#[test]
fn what_is_reserved_is_listed_until_it_is_captured_or_given_up() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "50.00");
    let mut ids = Vec::new();
    for (receipt, outlet, capture) in [
        ("R-1", "market-1", false),
        ("R-2", "market-2", false),
        ("R-3", "market-1", true),
        ("R-4", "market-1", false),
    ] {
        let mut sale = shop.sale(("code", &shop.code(&anna)), receipt, "100.00");
        let fields = json!({ "outlet": outlet, "capture": capture, "redeem": "10.00", "lines": lines() });
        sale.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = shop.program.post("/v1/purchases", &sale).expect(201).json();
        ids.push(answer["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(held(&shop.program, ""), ["R-4", "R-2", "R-1"]);
    assert_eq!(held(&shop.program, "&outlet=market-2"), ["R-2"]);
    let cashier = cashier_at(&shop, "market-1");
    assert_eq!(held(&cashier, ""), ["R-4", "R-1"]);
    assert_eq!(cashier.get("/v1/purchases?status=authorized&outlet=market-2").problem(404), "not-found");
    let stranger = shop.server.partner("bakery", &["bakery-1"]);
    let stranger = shop.server.as_partner(&stranger);
    assert_eq!(held(&stranger, ""), Vec::<String>::new());
    assert_eq!(held(&stranger, "&outlet=market-1"), Vec::<String>::new());

    let first = shop.program.get("/v1/purchases?status=authorized&limit=2").expect(200).json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(held(&shop.program, &format!("&limit=2&after={next}")), ["R-1"]);
    assert_eq!(first["items"][0]["redeemed"], "10.00");
    assert_eq!(
        first["items"][0]["lines"][1],
        json!({ "category": "tea", "amount": "40.00", "left": "40.00" })
    );
    assert!(first["items"][0]["occurred_at"].is_string());

    let capture = json!({ "lines": [{ "category": "tea", "amount": "40.00" }] });
    let captured =
        shop.program.post(&format!("/v1/purchases/{}/capture", ids[0]), &capture).expect(200).json();
    assert_eq!((&captured["status"], &captured["refunded"]), (&json!("partly_refunded"), &json!("60.00")));
    assert_eq!(captured["lines"][0]["left"], "0.00");
    shop.program.post(&format!("/v1/purchases/{}/void", ids[3]), &json!({})).expect(200);
    assert_eq!(held(&shop.program, ""), ["R-2"]);
    for wrong in ["", "?outlet=market-1", "?receipt=R-1", "?status=posted", "?status=authorized&receipt=R-1"]
    {
        assert_eq!(shop.program.get(&format!("/v1/purchases{wrong}")).problem(422), "invalid", "{wrong}");
    }
}

#[test]
fn a_purchase_tells_what_is_left_of_its_lines() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let mut sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    sale["lines"] = lines();
    let posted = shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert!(posted["lines"].is_null(), "the answer to posting is as it always was");
    let path = format!("/v1/purchases/{}", posted["id"].as_str().unwrap());
    let back =
        json!({ "lines": [{ "sku": "A", "category": "food", "amount": "20.00" }], "reference": "B-1" });
    shop.program.post(&format!("{path}/refunds"), &back).expect(201);
    shop.program
        .post(&format!("{path}/refunds"), &json!({ "amount": "30.00", "reference": "B-2" }))
        .expect(201);
    let now = shop.program.get("/v1/purchases?outlet=market-1&receipt=R-1").expect(200).json();
    assert_eq!(now["refunded"], "50.00");
    assert_eq!(
        now["lines"],
        json!([
            { "sku": "A", "category": "food", "quantity": "1.5", "amount": "60.00", "left": "40.00" },
            { "category": "tea", "amount": "40.00", "left": "40.00" },
        ])
    );
    let too_much = json!({ "lines": [{ "category": "tea", "amount": "40.01" }], "reference": "B-3" });
    shop.program.post(&format!("{path}/refunds"), &too_much).problem(422);
}

/// A purchase of 1000.00, 300.00 of it with points, reserved; its path.
fn reserved(shop: &Shop, anna: &crate::shop::Holder) -> String {
    let mut sale = shop.sale(("code", &shop.code(anna)), "R-1", "1000.00");
    let fields = json!({ "capture": false, "redeem": "300.00" });
    sale.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let held = shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert!(held["captured"].is_null(), "{held}");
    format!("/v1/purchases/{}", held["id"].as_str().unwrap())
}

#[test]
fn what_was_captured_for_less_tells_what_was_sold() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "500.00");
    let path = reserved(&shop, &anna);
    let captured =
        shop.program.post(&format!("{path}/capture"), &json!({ "amount": "600.00" })).expect(200).json();
    let sold = json!({ "amount": "600.00", "redeemed": "180.00", "paid": "420.00" });
    assert_eq!(captured["captured"], sold);
    let first = ["amount", "redeemed", "paid", "refunded"].map(|name| captured[name].as_str().unwrap());
    assert_eq!(first, ["1000.00", "300.00", "700.00", "400.00"], "as it was authorised");
    let back = json!({ "amount": "100.00", "reference": "B-1" });
    let refunded = shop.program.post(&format!("{path}/refunds"), &back).expect(201).json();
    assert_eq!((&refunded["captured"], &refunded["refunded"]), (&sold, &json!("500.00")));
    let found = shop.program.get("/v1/purchases?outlet=market-1&receipt=R-1").expect(200).json();
    assert_eq!(found["captured"], sold, "also when it is found again");
    assert_eq!(shop.finance().get(&path).expect(200).json()["captured"], sold);
    // All of it, and by lines.
    for (receipt, body, sold) in [
        ("R-2", json!({ "amount": "100.00" }), json!(null)),
        (
            "R-3",
            json!({ "lines": [{ "category": "tea", "amount": "40.00" }] }),
            json!({ "amount": "40.00", "redeemed": "0.00", "paid": "40.00" }),
        ),
    ] {
        let mut sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "100.00");
        sale["capture"] = json!(false);
        sale["lines"] = lines();
        if receipt == "R-2" {
            sale.as_object_mut().unwrap().remove("lines");
        }
        let held = shop.program.post("/v1/purchases", &sale).expect(201).json();
        let capture = format!("/v1/purchases/{}/capture", held["id"].as_str().unwrap());
        assert_eq!(shop.program.post(&capture, &body).expect(200).json()["captured"], sold, "{receipt}");
    }
}

/// A member's operations, the newest first: what kind, and how much.
fn told(me: &Client) -> Vec<(String, String)> {
    let (read, _) = operations(me);
    read.iter()
        .map(|one| ["kind", "amount"].map(|name| one[name].as_str().unwrap().to_owned()))
        .map(|[kind, amount]| (kind, amount))
        .collect()
}

#[test]
fn a_member_reads_a_purchase_in_two_steps_as_one() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "500.00");
    let me = shop.server.as_member("1001");
    let gift = ("purchase".to_owned(), "500.00".to_owned());
    let row = |kind: &str, amount: &str| (kind.to_owned(), amount.to_owned());

    let path = reserved(&shop, &anna);
    assert_eq!(told(&me), [row("authorise", "-300.00"), gift.clone()]);
    shop.program.post(&format!("{path}/capture"), &json!({ "amount": "600.00" })).expect(200);
    // 5 % of the 420.00 that were paid; nobody returned anything.
    let sold = [row("purchase", "21.00"), row("redemption", "-180.00")];
    assert_eq!(told(&me), [&sold[..], std::slice::from_ref(&gift)].concat());
    let balance = me.get("/v1/me/balance").expect(200).json();
    assert_eq!((&balance["pending"], &balance["available"]), (&json!("21.00"), &json!("320.00")));
    shop.server.clock.advance(TimeDelta::minutes(2));
    let back = json!({ "amount": "100.00", "reference": "B-1" });
    shop.program.post(&format!("{path}/refunds"), &back).expect(201);
    assert_eq!(told(&me)[0], row("refund", "26.50"), "30.00 of points, less 3.50 of cashback");
    assert_eq!(told(&me).len(), 4);
    shop.server.clock.advance(TimeDelta::minutes(2));

    // Without points there is nothing to tell before the capture, nor after giving it up.
    for (receipt, step, rows) in [("R-2", "void", 4), ("R-3", "capture", 5)] {
        let mut sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "100.00");
        sale["capture"] = json!(false);
        let held = shop.program.post("/v1/purchases", &sale).expect(201).json();
        assert_eq!(told(&me).len(), 4, "{receipt}");
        let path = format!("/v1/purchases/{}/{step}", held["id"].as_str().unwrap());
        shop.program.send("POST", &path, &[], b"").expect(200);
        assert_eq!(told(&me).len(), rows, "{receipt}");
    }
    assert_eq!(told(&me)[0], row("purchase", "5.00"));
    shop.server.clock.advance(TimeDelta::minutes(2));
    let mut sale = shop.sale(("code", &shop.code(&anna)), "R-4", "200.00");
    sale.as_object_mut()
        .unwrap()
        .extend(json!({ "capture": false, "redeem": "50.00" }).as_object().unwrap().clone());
    let held = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let void = format!("/v1/purchases/{}/void", held["id"].as_str().unwrap());
    shop.program.send("POST", &void, &[], b"").expect(200);
    assert_eq!(told(&me)[..2], [row("void", "50.00"), row("authorise", "-50.00")]);
}
