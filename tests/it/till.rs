//! At the till: what each code is answered with, who may post where, and what only a live code may do.

use card_issuer::life::{self, Block, BlockReason};
use chrono::TimeDelta;
use harness::Client;
use serde_json::json;
use unioncard::auth::Role;
use unioncard::auth::staff::{self, NewStaff};

use crate::shop::{Holder, Shop};

fn resolve(client: &Client, code: &str) -> harness::Answer {
    client.post("/v1/cards/resolve", &json!({ "code": code }))
}

fn block(shop: &Shop, holder: &Holder) {
    let block = Block { reason: BlockReason::Lost, by: "test".to_owned(), comment: None };
    life::block(&mut shop.server.connect(), holder.card.id, &block, shop.server.app.now()).unwrap();
}

/// A cashier bound to outlets.
fn cashier_at(shop: &Shop, outlets: &[&str]) -> Client {
    let new = NewStaff {
        email: "bound@example.org".to_owned(),
        role: Role::Cashier,
        organisation: None,
        partner: Some(shop.partner.partner.id),
        outlets: outlets.iter().map(|code| (*code).to_owned()).collect(),
        password: None,
    };
    let made = staff::create(&shop.server.app, &mut shop.server.connect(), new).unwrap();
    let body = json!({ "email": made.email, "password": made.password });
    let tokens = shop.server.client().post("/v1/auth/login", &body).expect(200).json();
    shop.server.client().bearer(tokens["access_token"].as_str().unwrap())
}

#[test]
fn a_picture_of_a_code_shown_hours_later_has_expired() {
    let shop = Shop::open();
    let code = shop.code(&shop.holder("1001"));
    shop.server.clock.advance(TimeDelta::hours(3));
    let till = shop.server.as_cashier(&shop.partner);
    assert_eq!(resolve(&till, &code).problem(422), "code-expired");
    shop.server.clock.advance(TimeDelta::hours(22));
    let till = shop.server.as_manager(&shop.partner);
    assert_eq!(resolve(&till, &code).problem(422), "code-wrong", "nobody looks further than a day");
}

#[test]
fn every_bad_code_says_which_it_is() {
    let shop = Shop::open();
    let (anna, boris) = (shop.holder("1001"), shop.holder("1002"));
    let till = shop.server.as_cashier(&shop.partner);
    let code = shop.code(&anna);
    let last = if code.ends_with('0') { "1" } else { "0" };
    let tampered = format!("{}{last}", &code[..23]);
    let foreign = format!("{}{}", &code[..16], &shop.draw(&boris)[16..]);
    let number = anna.card.number.as_str();
    let arabic: String =
        code.chars().map(|digit| char::from_u32(u32::from(digit) - 0x30 + 0x660).unwrap()).collect();
    let link = format!("https://example.org/?code={code}");
    for (shown, status, slug) in [
        (tampered.as_str(), 422, "code-wrong"),
        (foreign.as_str(), 422, "code-wrong"),
        (&code[..23], 422, "code-invalid"),
        (number, 422, "code-invalid"),
        ("", 422, "code-invalid"),
        (arabic.as_str(), 422, "code-invalid"),
        (link.as_str(), 422, "code-invalid"),
        (&"9".repeat(4_096), 422, "code-invalid"),
    ] {
        assert_eq!(resolve(&till, shown).problem(status), slug, "{shown:.60}");
        let sale = shop.sale(("code", shown), "R-1", "100.00");
        assert_eq!(till.post("/v1/purchases", &sale).problem(status), slug, "{shown:.60}");
        assert_eq!(till.post("/v1/purchases/quote", &sale).problem(status), slug, "{shown:.60}");
    }
    let words =
        till.with("accept-language", "ru-RU,ru").post("/v1/cards/resolve", &json!({ "code": tampered }));
    assert_eq!(words.json()["title"], "Код неверный: отсканируйте QR ещё раз");

    // Typed in groups, one step late: still good.
    shop.server.clock.advance(TimeDelta::seconds(30));
    let grouped = format!("{} {}-{}", &code[..8], &code[8..16], &code[16..]);
    resolve(&till, &grouped).expect(200);
    let other = shop.server.as_manager(&shop.partner);
    assert_eq!(resolve(&other, &code).problem(409), "code-used");
    assert_eq!(resolve(&shop.program, &code).problem(409), "code-used");

    let old = shop.code(&boris);
    shop.server.clock.advance(TimeDelta::seconds(90));
    assert_eq!(resolve(&till, &old).problem(422), "code-expired");
    let ahead = {
        shop.server.clock.advance(TimeDelta::seconds(300));
        let drawn = shop.draw(&boris);
        shop.server.clock.advance(TimeDelta::seconds(-300));
        drawn
    };
    assert_eq!(resolve(&till, &ahead).problem(422), "code-clock");
    assert_eq!(till.get("/v1/purchases?outlet=market-1&receipt=R-1").problem(404), "not-found");
}

#[test]
fn a_code_serves_one_purchase() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let till = shop.server.as_cashier(&shop.partner);
    let code = shop.code(&anna);
    let first = shop.sale(("code", &code), "R-1", "100.00");
    till.post("/v1/purchases/quote", &first).expect(200);
    till.post("/v1/purchases", &first).expect(201);
    let second = shop.sale(("code", &code), "R-2", "100.00");
    assert_eq!(till.post("/v1/purchases", &second).problem(409), "code-used");
    assert_eq!(resolve(&till, &code).problem(409), "code-used");
    till.post("/v1/purchases", &first).expect(200);

    let card = resolve(&till, &shop.code(&anna)).expect(200).json();
    let resolution = card["resolution"].as_str().unwrap();
    let third = shop.sale(("resolution", resolution), "R-3", "100.00");
    let foreign = shop.program.post("/v1/purchases", &third);
    assert_eq!(foreign.problem(404), "resolution-unknown");
    till.post("/v1/purchases", &third).expect(201);
    let fourth = shop.sale(("resolution", resolution), "R-4", "100.00");
    assert_eq!(till.post("/v1/purchases", &fourth).problem(409), "resolution-used");
    let late = resolve(&shop.program, &shop.code(&anna)).expect(200).json();
    shop.server.clock.advance(TimeDelta::minutes(16));
    let fifth = shop.sale(("resolution", late["resolution"].as_str().unwrap()), "R-5", "100.00");
    assert_eq!(shop.program.post("/v1/purchases", &fifth).problem(409), "resolution-expired");
}

#[test]
fn in_a_late_purchase_a_code_is_the_bare_number() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let code = shop.code(&anna);
    let late = |receipt: &str, seconds: i64| {
        let mut sale = shop.sale(("code", &code), receipt, "100.00");
        sale["occurred_at"] = json!(crate::shop::stamp(shop.server.app.now() - TimeDelta::seconds(seconds)));
        sale
    };
    // A till without network kept them; the code is still drawn, and stays unused.
    for receipt in ["L-1", "L-2"] {
        let posted = shop.program.post("/v1/purchases", &late(receipt, 125)).expect(201).json();
        assert_eq!(posted["balance"], serde_json::Value::Null, "no balance for a bare number");
        assert_eq!(posted["cashback"]["amount"], "5.00");
    }
    let live = shop.program.post("/v1/purchases", &late("L-3", 60)).expect(201).json();
    assert_eq!(live["balance"]["pending"], "15.00");
    // Long expired or used: still the number.
    shop.server.clock.advance(TimeDelta::minutes(10));
    shop.program.post("/v1/purchases", &late("L-4", 600)).expect(201);
    let mut spending = late("L-5", 600);
    spending["redeem"] = json!("1.00");
    let refused = shop.program.post("/v1/purchases", &spending).expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "#/redeem");
    let now = late("L-6", 0);
    assert_eq!(shop.program.post("/v1/purchases", &now).problem(409), "code-used");
}

#[test]
fn a_used_code_stays_used_in_the_database() {
    use diesel::prelude::*;
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let step = || -> Option<i64> {
        use card_issuer::schema::cards::devices;
        devices::table
            .filter(devices::card_id.eq(anna.card.id))
            .select(devices::last_used_step)
            .first(&mut shop.server.connect())
            .unwrap()
    };
    assert_eq!(step(), None);
    let code = shop.code(&anna);
    let refused = shop.sale(("code", &code), "R-0", "0.00");
    assert_eq!(shop.program.post("/v1/purchases", &refused).status, 422);
    assert_eq!(step(), None, "a refused purchase uses no code up");
    shop.program.post("/v1/purchases", &shop.sale(("code", &code), "R-1", "100.00")).expect(201);
    assert_eq!(step(), Some(shop.server.app.now().timestamp().div_euclid(30)));
    // The step before, drawn half a minute ago on a slow phone: older than the last used.
    shop.server.clock.advance(TimeDelta::seconds(-30));
    let earlier = shop.draw(&anna);
    shop.server.clock.advance(TimeDelta::seconds(30));
    let sale = shop.sale(("code", &earlier), "R-2", "100.00");
    assert_eq!(shop.program.post("/v1/purchases", &sale).problem(409), "code-used");
}

#[test]
fn a_blocked_card_shows_its_standing_and_buys_nothing() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "10.00");
    let code = shop.code(&anna);
    block(&shop, &anna);
    shop.server.clock.advance(TimeDelta::seconds(1));
    let card = resolve(&shop.program, &code).expect(200).json();
    assert_eq!((&card["status"], &card["may_redeem"]), (&json!("blocked"), &json!(false)));
    assert!(card.get("available").is_none(), "{card}");
    for shown in [
        ("code", code.as_str()),
        ("card_number", anna.card.number.as_str()),
        ("resolution", card["resolution"].as_str().unwrap()),
    ] {
        let sale = shop.sale(shown, "R-1", "100.00");
        assert_eq!(shop.program.post("/v1/purchases", &sale).problem(409), "card-blocked", "{shown:?}");
    }
}

#[test]
fn the_bare_number_earns_and_spends_nothing() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "50.00");
    let number = anna.card.number.as_str();
    let card = shop.program.post("/v1/cards/resolve", &json!({ "card_number": number })).expect(200).json();
    assert_eq!((&card["status"], &card["may_redeem"]), (&json!("valid"), &json!(false)));
    assert!(card.get("available").is_none(), "{card}");
    for shown in [("card_number", number), ("resolution", card["resolution"].as_str().unwrap())] {
        let mut sale = shop.sale(shown, "R-1", "100.00");
        sale["redeem"] = json!("10.00");
        let answer = shop.program.post("/v1/purchases", &sale);
        assert_eq!(answer.json()["errors"][0]["pointer"], "#/redeem");
        assert_eq!(answer.problem(422), "invalid");
    }
    // A live code of a purchase long ago is as good as the bare number.
    let mut late = shop.sale(("code", &shop.code(&anna)), "R-2", "100.00");
    late["occurred_at"] = json!(crate::shop::stamp(shop.server.app.now() - TimeDelta::minutes(3)));
    late["redeem"] = json!("10.00");
    assert_eq!(shop.program.post("/v1/purchases", &late).json()["errors"][0]["pointer"], "#/redeem");
    late["redeem"] = json!("0.00");
    let posted = shop.program.post("/v1/purchases", &late).expect(201).json();
    assert_eq!(posted["cashback"]["amount"], "5.00");
}

#[test]
fn points_pay_for_half_at_most_and_never_for_what_is_not_there() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "60.00");
    let mut sale = shop.sale(("code", &shop.code(&anna)), "R-1", "100.00");
    sale["redeem"] = json!("50.01");
    let over = shop.program.post("/v1/purchases", &sale);
    assert_eq!(over.json()["errors"][0]["detail"], "at most 50.00 can be paid with points");
    assert_eq!(over.problem(422), "invalid");
    sale["amount"] = json!("200.00");
    sale["redeem"] = json!("60.01");
    assert_eq!(shop.program.post("/v1/purchases", &sale).problem(409), "insufficient-points");
    sale["redeem"] = json!("60.00");
    let posted = shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!((&posted["paid"], &posted["cashback"]["amount"]), (&json!("140.00"), &json!("7.00")));
    assert_eq!(posted["balance"], json!({ "pending": "7.00", "available": "0.00" }));
}

#[test]
fn a_cashier_posts_and_refunds_at_the_outlets_given_to_them() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let bound = cashier_at(&shop, &["market-1"]);
    let number = ("card_number", anna.card.number.as_str());
    let here = bound.post("/v1/purchases", &shop.sale(number, "R-1", "100.00")).expect(201).json();
    let mut elsewhere = shop.sale(number, "R-2", "100.00");
    elsewhere["outlet"] = json!("market-2");
    for path in ["/v1/purchases", "/v1/purchases/quote"] {
        let refused = bound.post(path, &elsewhere);
        assert_eq!(refused.json()["errors"][0]["pointer"], "#/outlet");
        assert_eq!(refused.problem(422), "invalid");
    }
    let batch = bound.post("/v1/purchases/batch", &json!({ "purchases": [elsewhere] })).expect(200).json();
    assert_eq!(batch["results"][0]["status"], 422);
    let there = shop.program.post("/v1/purchases", &elsewhere).expect(201).json();
    let back = |purchase: &serde_json::Value| {
        let path = format!("/v1/purchases/{}/refunds", purchase["id"].as_str().unwrap());
        bound.post(&path, &json!({ "amount": "10.00", "reference": "B-1" }))
    };
    back(&here).expect(201);
    assert_eq!(back(&there).problem(404), "not-found", "another outlet's is not theirs");
    let path = format!("/v1/purchases/{}", there["id"].as_str().unwrap());
    assert_eq!(bound.get(&path).problem(404), "not-found");
    assert_eq!(bound.get("/v1/purchases?outlet=market-2&receipt=R-2").problem(404), "not-found");
    for verb in ["capture", "void"] {
        assert_eq!(bound.post(&format!("{path}/{verb}"), &json!({})).problem(404), "not-found");
    }
    shop.server.as_cashier(&shop.partner).get(&path).expect(200);
}

#[test]
fn who_is_not_in_the_programme_has_a_valid_card_and_gets_nothing() {
    let shop = Shop::open();
    let member = shop.server.member("1001");
    let card = shop.server.virtual_card(member);
    let shown = ("card_number", card.number.as_str());
    let posted = shop.program.post("/v1/purchases", &shop.sale(shown, "R-1", "100.00")).expect(201).json();
    assert_eq!(
        (&posted["cashback"]["amount"], &posted["cashback"]["status"]),
        (&json!("0.00"), &json!("none"))
    );
    assert_eq!(posted["cashback"]["reason"], "not_enrolled");
    assert_eq!(posted["commission"], "2.00");
}
