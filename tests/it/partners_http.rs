//! A partner's settings: who changes them, and that the next purchase is judged by them.

use diesel::prelude::*;
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Shop, bound_to};

const PATH: &str = "/v1/partners/market";

#[test]
fn settings_are_changed_by_finance_or_an_administrator_and_judge_the_next_purchase() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "500.00");
    let finance = shop.finance();
    let shown = || {
        let partners = finance.get("/v1/partners").expect(200).json();
        partners["items"].as_array().unwrap().iter().find(|one| one["code"] == "market").unwrap().clone()
    };
    let before = shown();
    assert_eq!(before["counter_provision"], false);
    for (wrong, pointer) in [
        (json!({ "commission_rate": "1.01" }), "#/commission_rate"),
        (json!({ "redeem_share": "1.5" }), "#/redeem_share"),
        (json!({ "redeem_share": 0.5 }), "#/redeem_share"),
        (json!({ "redeem_least": "-1.00" }), "#/redeem_least"),
        (json!({ "counter_provision": "yes" }), "#/counter_provision"),
        (json!({ "code": "other" }), "#/code"),
    ] {
        let answer = finance.patch(PATH, &wrong);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{wrong}");
        answer.problem(422);
    }
    assert_eq!(shown(), before, "nothing has changed");

    let bought = |receipt: &str, redeem: &str| {
        let code = shop.code(&anna);
        let mut sale = shop.sale(("code", &code), receipt, "100.00");
        sale["redeem"] = json!(redeem);
        shop.program.post("/v1/purchases", &sale)
    };
    assert_eq!(bought("R-1", "50.00").expect(201).json()["commission"], "1.00", "2 % of 50.00");
    let dearer =
        finance.patch(PATH, &json!({ "commission_rate": "0.04", "redeem_least": "30.00" })).expect(200);
    let changed = dearer.json();
    assert_eq!((&changed["commission_rate"], &changed["redeem_least"]), (&json!("0.04"), &json!("30.00")));
    assert_eq!(changed["redeem_share"], before["redeem_share"], "what is left out stays");
    bought("R-2", "29.99").problem(422);
    assert_eq!(bought("R-2", "50.00").expect(201).json()["commission"], "2.00");
    let administrator = shop.server.as_staff(Role::Administrator, None);
    administrator.patch(PATH, &json!({ "redeem_share": "0.3", "counter_provision": true })).expect(200);
    bought("R-3", "50.00").problem(422);
    bought("R-3", "30.00").expect(201);
    assert_eq!(shown()["counter_provision"], true);
    audited(&shop, 2);
}

#[test]
fn every_commission_rate_there_was_is_told_with_its_days() {
    let shop = Shop::open();
    let finance = shop.finance();
    let record = |client: &harness::Client| client.get(PATH).expect(200).json();
    let first = record(&finance);
    assert_eq!(first["commission_rates"], json!([{ "rate": "0.02" }]));
    assert_eq!((&first["code"], &first["outlets"][0]["code"]), (&json!("market"), &json!("market-1")));
    let mut changed = Vec::new();
    for rate in ["0.04", "0.035"] {
        shop.server.clock.advance(chrono::TimeDelta::minutes(5));
        changed.push(crate::shop::stamp(shop.server.app.now()));
        finance.patch(PATH, &json!({ "commission_rate": rate })).expect(200);
    }
    // Another setting begins no other rate.
    finance.patch(PATH, &json!({ "redeem_least": "1.00" })).expect(200);
    let second = |at: &Value| at.as_str().unwrap()[..19].to_owned();
    let rates = record(&finance)["commission_rates"].clone();
    assert_eq!(crate::shop::column(&rates, "rate"), ["0.035", "0.04", "0.02"]);
    assert_eq!(
        (second(&rates[0]["from"]), second(&rates[1]["until"])),
        (changed[1][..19].to_owned(), changed[1][..19].to_owned())
    );
    assert_eq!(
        (second(&rates[1]["from"]), second(&rates[2]["until"])),
        (changed[0][..19].to_owned(), changed[0][..19].to_owned())
    );
    assert_eq!((&rates[0]["until"], &rates[2]["from"]), (&Value::Null, &Value::Null));
    for role in [Role::Administrator, Role::Controller, Role::Auditor] {
        let reader = shop.server.as_staff(role, None);
        assert_eq!(record(&reader)["commission_rates"], rates);
        reader.get("/v1/partners").expect(200);
    }
    finance.get("/v1/partners/nobody").problem(404);
}

fn audited(shop: &Shop, times: i64) {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        times: i64,
    }
    let found: Count = diesel::sql_query(
        "SELECT count(*) AS times FROM platform.audit_log WHERE action = 'partner.changed' AND subject = 'market'",
    )
    .get_result(&mut shop.server.connect())
    .unwrap();
    assert_eq!(found.times, times);
}

#[test]
fn nobody_else_changes_them_and_what_is_not_there_is_not_found() {
    let shop = Shop::open();
    let finance = shop.finance();
    finance.patch("/v1/partners/nobody", &json!({ "redeem_share": 7 })).problem(404);
    let nothing = json!({});
    for role in [Role::Controller, Role::Auditor] {
        shop.server.as_staff(role, None).patch(PATH, &nothing).problem(403);
    }
    for client in [&shop.program, &shop.server.as_manager(&shop.partner), &shop.server.client()] {
        assert!([401, 403].contains(&client.patch(PATH, &nothing).status));
    }
    shop.holder("1001");
    bound_to(&shop.server, Role::Administrator, harness::builders::ROOT).patch(PATH, &nothing).problem(403);
    let same: Value = finance.patch(PATH, &nothing).expect(200).json();
    assert_eq!(same["code"], "market");
}
