//! Cards issued anew, and cards of a family: another number on the same money, limits of their own, and who did what.

use chrono::TimeDelta;
use harness::{Answer, Client};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Shop, column};

/// Posts a purchase of 100.00 by number; the answer's cashback and reason.
fn earn(shop: &Shop, number: &str, receipt: &str) -> (Value, Value) {
    let sale = shop.sale(("card_number", number), receipt, "100.00");
    let posted = shop.program.post("/v1/purchases", &sale).expect(201).json();
    (posted["cashback"]["amount"].clone(), posted["cashback"]["reason"].clone())
}

fn cards(me: &Client) -> Value {
    me.get("/v1/me/cards").expect(200).json()["items"].clone()
}

#[test]
fn another_card_keeps_money_and_history_and_the_old_number_is_blocked_for_ever() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    earn(&shop, anna.card.number.as_str(), "R-1");
    let before = me.get("/v1/me/balance").expect(200).json();
    let path = format!("/v1/me/cards/{}/reissue", anna.card.id);
    assert_eq!(me.post(&path, &json!({ "reason": "left" })).problem(422), "invalid");
    let new = me.post(&path, &json!({ "reason": "lost" })).expect(201).json();
    let number = new["number"].as_str().unwrap();
    assert_eq!((&new["status"], &new["kind"]), (&json!("active"), &json!("virtual")));
    assert_ne!(number, anna.card.number.as_str());
    let after = me.get("/v1/me/balance").expect(200).json();
    assert_eq!((&after["pending"], &after["available"]), (&before["pending"], &before["available"]));
    assert_eq!(me.get("/v1/me/operations").expect(200).json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(earn(&shop, number, "R-2").0, "5.00");
    for days in [0, 400, 4_000] {
        shop.server.clock.advance(TimeDelta::days(days));
        let body = json!({ "card_number": anna.card.number });
        let old = shop.program.post("/v1/cards/resolve", &body);
        // The program's token lives an hour.
        let old = if old.status == 401 {
            shop.server.as_partner(&shop.partner).post("/v1/cards/resolve", &body)
        } else {
            old
        };
        assert_eq!(old.expect(200).json()["status"], "blocked", "after {days} days");
    }
}

#[test]
fn a_card_is_replaced_once_and_the_office_sees_who_did_what() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let office = shop.server.as_staff(Role::Issuer, Some(harness::builders::ROOT));
    let path = format!("/v1/cards/{}", anna.card.id);
    let body = json!({ "reason": "stolen", "comment": "заявление № 5" });
    let new = office.post(&format!("{path}/reissue"), &body).expect(201).json();
    assert_eq!(office.post(&format!("{path}/reissue"), &body).problem(409), "card-replaced");
    assert_eq!(new["replaces"], anna.card.id.to_string());
    let old = office.get(&path).expect(200).json();
    assert_eq!((&old["status"], &old["standing"]), (&json!("blocked"), &json!("blocked")));
    assert_eq!(old["replaced_by"], new["id"]);
    assert_eq!(column(&old["history"], "event"), ["ordered", "blocked", "reissued"]);
    let blocked = &old["history"][1];
    assert_eq!((&blocked["reason"], &blocked["note"]), (&json!("stolen"), &json!("заявление № 5")));
    assert_eq!(
        (&blocked["by"]["kind"], &blocked["by"]["email"]),
        (&json!("staff"), &json!("issuer@example.org"))
    );
    assert_eq!(old["history"][2]["note"], new["id"]);
    assert_eq!(new["history"][0]["by"]["email"], "issuer@example.org");
    shop.server.organisation("X-1", "");
    let elsewhere = crate::shop::bound_to(&shop.server, Role::Issuer, "X-1");
    assert_eq!(elsewhere.get(&path).problem(404), "not-found");
}

#[test]
fn who_was_blocked_for_misuse_gets_the_next_card_from_the_office_alone() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let office = shop.server.as_staff(Role::Issuer, Some(harness::builders::ROOT));
    let path = format!("cards/{}", anna.card.id);
    office.post(&format!("/v1/{path}/block"), &json!({ "reason": "fraud" })).expect(200);
    let mine = me.post(&format!("/v1/me/{path}/reissue"), &json!({ "reason": "lost" }));
    assert_eq!(mine.problem(409), "card-state");
    let family = json!({ "kind": "virtual", "relation": "child" });
    assert_eq!(me.post("/v1/me/cards", &family).problem(409), "card-state");
    office.post(&format!("/v1/{path}/reissue"), &json!({})).expect(201);
    let child = me.post("/v1/me/cards", &family).expect(201).json();

    // What a child's card was misused for keeps the member's own from being renewed at a tap, and no tap is offered.
    let held = cards(&me);
    let is_own = |card: &&Value| card["status"] == "active" && card["relation"].is_null();
    let own = held.as_array().unwrap().iter().find(is_own).unwrap()["id"].as_str().unwrap();
    let child = child["id"].as_str().unwrap();
    office.post(&format!("/v1/cards/{child}/block"), &json!({ "reason": "fraud" })).expect(200);
    me.post(&format!("/v1/me/cards/{own}/block"), &json!({ "reason": "lost" })).expect(200);
    let renewable = || {
        let shown = cards(&me);
        shown.as_array().unwrap().iter().find(|card| card["id"] == own).unwrap()["renewable"].clone()
    };
    assert_eq!(renewable(), Value::Null);
    office.post(&format!("/v1/cards/{child}/reissue"), &json!({})).expect(201);
    assert_eq!(renewable(), true);
    me.post(&format!("/v1/me/cards/{own}/reissue"), &json!({ "reason": "lost" })).expect(201);
    assert_eq!(renewable(), Value::Null, "it has been replaced");
}

#[test]
fn a_familys_card_spends_the_members_points_within_its_own_limits() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "500.00");
    let me = shop.server.as_member("1001");
    let limits = json!({ "earn_per_day": 2, "redeem_per_day": "30.00", "redeem_per_month": "50.00" });
    let body = json!({ "kind": "virtual", "relation": "child", "limits": limits });
    let card = me.post("/v1/me/cards", &body).expect(201).json();
    assert_eq!((&card["relation"], &card["limits"]), (&json!("child"), &limits));
    assert_eq!(column(&cards(&me), "relation"), [&Value::Null, &json!("child")], "one's own first");
    let (id, number) = (card["id"].as_str().unwrap(), card["number"].as_str().unwrap());

    let pay = |receipt: &str, points: &str| -> Answer {
        shop.server.clock.advance(TimeDelta::seconds(30));
        let code = me.get(&format!("/v1/me/cards/{id}/code")).expect(200).json();
        let mut sale = shop.sale(("code", code["value"].as_str().unwrap()), receipt, "100.00");
        sale["redeem"] = json!(points);
        shop.program.post("/v1/purchases", &sale)
    };
    let spendable = || {
        shop.server.clock.advance(TimeDelta::seconds(30));
        let code = me.get(&format!("/v1/me/cards/{id}/code")).expect(200).json();
        let told =
            shop.program.post("/v1/cards/resolve", &json!({ "code": code["value"] })).expect(200).json();
        (told["available"].clone(), told["may_redeem"].clone())
    };
    assert_eq!(spendable(), (json!("30.00"), json!(true)), "of 500.00");
    let refused = pay("F-1", "30.01");
    assert_eq!(refused.json()["errors"][0]["detail"], "only 30.00 is left of the card's limit");
    assert_eq!(refused.problem(409), "card-limit");
    assert_eq!(pay("F-2", "20.00").expect(201).json()["cashback"]["amount"], "4.00");
    assert_eq!(spendable(), (json!("10.00"), json!(true)));
    assert_eq!(pay("F-3", "10.01").problem(409), "card-limit", "20.00 of the day are used");
    assert_eq!(earn(&shop, number, "F-4"), (json!("5.00"), Value::Null));
    assert_eq!(earn(&shop, number, "F-5"), (json!("0.00"), json!("card_limit")), "the third of the day");
    assert_eq!(earn(&shop, anna.card.number.as_str(), "F-6").0, "5.00", "the member's own has no limits");
    let both = ["F-7", "F-8"].map(|receipt| shop.sale(("card_number", number), receipt, "100.00"));
    let path = format!("/v1/me/cards/{id}");
    let wider = json!({ "limits": { "earn_per_day": 3, "redeem_per_month": "20.00" } });
    assert_eq!(me.patch(&path, &wider).expect(200).json()["limits"], wider["limits"]);
    let batch = shop.program.post("/v1/purchases/batch", &json!({ "purchases": both })).expect(200).json();
    let reasons: Vec<&Value> = batch["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["purchase"]["cashback"]["reason"])
        .collect();
    assert_eq!(reasons, [&Value::Null, &json!("card_limit")], "the later of a batch sees the earlier");
    assert_eq!(pay("F-9", "0.01").problem(409), "card-limit", "the month's is used up");
    assert_eq!(spendable(), (json!("0.00"), json!(false)));
    let own = format!("/v1/me/cards/{}", anna.card.id);
    assert_eq!(me.patch(&own, &wider).problem(409), "card-not-family");
    let wrong = json!({ "limits": { "earn_per_day": -1 } });
    assert_eq!(me.patch(&path, &wrong).json()["errors"][0]["pointer"], "#/limits/earn_per_day");
}

#[test]
fn a_family_has_eight_cards_and_a_member_orders_five_a_day() {
    let shop = Shop::open();
    shop.holder("1001");
    let me = shop.server.as_member("1001");
    let child = json!({ "kind": "plastic", "relation": "child" });
    for _ in 0..5 {
        assert_eq!(me.post("/v1/me/cards", &child).expect(201).json()["status"], "ordered");
    }
    assert_eq!(me.post("/v1/me/cards", &child).problem(409), "too-many-cards");
    let own = me.post("/v1/me/cards", &json!({ "kind": "virtual" }));
    assert_eq!(own.json()["errors"][0]["pointer"], "#/relation");
    let office = shop.server.as_staff(Role::Registrar, Some(harness::builders::ROOT));
    let member = me.get("/v1/me").expect(200).json()["id"].clone();
    let spouse = json!({ "member": member, "kind": "virtual", "relation": "spouse" });
    for _ in 0..3 {
        office.post("/v1/cards", &spouse).expect(201);
    }
    assert_eq!(office.post("/v1/cards", &spouse).problem(409), "too-many-cards");
    assert_eq!(cards(&me).as_array().unwrap().len(), 9);
}
