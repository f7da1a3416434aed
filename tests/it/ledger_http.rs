//! The ledger over HTTP: one purchase by many ways, caps and budgets under many tills, rows judged by their own moment,
//! and balances at any instant.

use card_issuer::life::{self, Block, BlockReason};
use cashback_engine::ledger::{audit, closing};
use cashback_engine::rules::{RuleDraft, store};
use chrono::TimeDelta;
use diesel::Connection;
use serde_json::{Value, json};
use shared_kernel::ids::Uuid;
use unioncard::auth::Role;

use crate::purchases::verified;
use crate::registers_http::{finished, upload};
use crate::shop::{Shop, books, rule, stamp};

const HEADER: &str = "outlet,receipt,occurred_at,card_number,amount,category,kind,reference\n";

/// Loads a register to its end.
fn load(client: &harness::Client, file: &str) -> (String, Value) {
    let taken = upload(client, "/v1/registers", &[], "register.csv", file.as_bytes()).expect(202).json();
    let path = format!("/v1/registers/{}", taken["id"].as_str().unwrap());
    let done = finished(client, &path);
    assert_eq!(done["status"], "done", "{done}");
    (path, done)
}

#[test]
fn the_same_purchase_by_any_two_ways_is_posted_once() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let at = stamp(shop.server.app.now() - TimeDelta::hours(1));
    let sales: Vec<Value> = (0..60)
        .map(|number| {
            let receipt = format!("R-{number}");
            let mut sale = shop.sale(("card_number", anna.card.number.as_str()), &receipt, "20.00");
            sale["occurred_at"] = json!(at);
            sale
        })
        .collect();
    let mut file = HEADER.to_owned();
    for sale in &sales {
        let receipt = sale["receipt"].as_str().unwrap();
        file += &format!("market-1,{receipt},{at},{},20.00,,sale,\n", anna.card.number.as_str());
        file += &format!("market-1,{receipt},{at},{},5.00,,refund,back\n", anna.card.number.as_str());
    }
    let (singles, batch, register) = std::thread::scope(|scope| {
        let singles = scope.spawn(|| {
            let post = |sale| shop.program.post("/v1/purchases", sale);
            sales.iter().rev().map(post).collect::<Vec<_>>()
        });
        let batch = scope.spawn(|| {
            sales
                .chunks(20)
                .map(|some| shop.program.post("/v1/purchases/batch", &json!({ "purchases": some })))
                .collect::<Vec<_>>()
        });
        let register = scope.spawn(|| load(&shop.program, &file).1);
        (singles.join().unwrap(), batch.join().unwrap(), register.join().unwrap())
    });
    assert!(singles.iter().all(|answer| matches!(answer.status, 200 | 201)));
    for answer in batch {
        for result in answer.expect(200).json()["results"].as_array().unwrap() {
            assert!([json!(200), json!(201)].contains(&result["status"]), "{result}");
        }
    }
    let outcomes = &register["outcomes"];
    let count = |outcome: &str| outcomes[outcome].as_i64().unwrap();
    assert_eq!(count("posted") + count("matched"), 120, "{register}");
    let purchases: Vec<Value> = singles.iter().map(|answer| answer.json()["id"].clone()).collect();
    for (sale, id) in sales.iter().rev().zip(&purchases) {
        let path = format!("/v1/purchases?outlet=market-1&receipt={}", sale["receipt"].as_str().unwrap());
        let found = shop.program.get(&path).expect(200).json();
        assert_eq!((&found["id"], &found["refunded"]), (id, &json!("5.00")));
    }
    let finance = shop.finance();
    assert_eq!(books(&finance)["member:pending"], "45.00", "5 % of 15.00, sixty times");
    verified(&shop.server);
}

#[test]
fn eight_clients_never_overspend_a_member_or_a_budget() {
    let shop = Shop::open();
    let caps = json!({ "per_member": { "amount": "60.00", "period": "month" }, "budget": "100.00" });
    rule(
        &shop.server,
        "market",
        json!({ "earn": { "fixed": "7.00" }, "stacking": "additive", "caps": caps, "name": "limited" }),
    );
    let holders = [shop.holder("1001"), shop.holder("1002")];
    shop.give(&holders[0], "50.00");
    let resolutions: Vec<String> = (0..8)
        .map(|_| {
            let body = json!({ "code": shop.code(&holders[0]) });
            let card = shop.program.post("/v1/cards/resolve", &body).expect(200).json();
            card["resolution"].as_str().unwrap().to_owned()
        })
        .collect();
    let now = shop.now();
    std::thread::scope(|scope| {
        for (client, resolution) in resolutions.iter().enumerate() {
            let (shop, holders, now) = (&shop, &holders, &now);
            scope.spawn(move || {
                let sale = |receipt: String, who: usize| {
                    json!({ "card_number": holders[who].card.number.as_str(), "outlet": "market-1",
                        "receipt": receipt, "occurred_at": now, "amount": "100.00" })
                };
                let mut spent = sale(format!("S-{client}"), 0);
                spent["card_number"].take();
                let spent_by = spent.as_object_mut().unwrap();
                spent_by.remove("card_number");
                spent_by.insert("resolution".to_owned(), json!(resolution));
                spent_by.insert("redeem".to_owned(), json!("9.00"));
                let answer = shop.program.post("/v1/purchases", &spent);
                assert!(matches!(answer.status, 201 | 409), "{}", answer.text());
                for number in 0..3 {
                    let body = sale(format!("A-{client}-{number}"), number % 2);
                    shop.program.post("/v1/purchases", &body).expect(201);
                }
                let some: Vec<Value> = (0..3).map(|n| sale(format!("B-{client}-{n}"), n % 2)).collect();
                shop.program.post("/v1/purchases/batch", &json!({ "purchases": some })).expect(200);
            });
        }
    });
    let finance = shop.finance();
    let rules = finance.get("/v1/ledger/postings?limit=200").expect(200).json();
    let first = rules["items"].as_array().unwrap().iter().filter(|posting| posting["kind"] == "purchase");
    let mut limited = 0;
    for posting in first {
        let path = format!("/v1/purchases/{}", posting["purchase_id"].as_str().unwrap());
        let purchase = finance.get(&path).expect(200).json();
        for given in purchase["cashback"]["rules"].as_array().unwrap() {
            if given["name"] == "limited" {
                limited += given["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
            }
        }
    }
    assert_eq!(limited, 10_000, "the budget is used to the kopeck, and not above");
    assert_eq!(books(&finance)["member:available"], "5.00", "50.00 less five times 9.00");
    verified(&shop.server);
}

#[test]
fn a_past_balance_opens_to_the_postings_it_is_made_of() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let buy = |receipt| {
        let sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "100.00");
        shop.program.post("/v1/purchases", &sale).expect(201);
        shop.server.clock.advance(TimeDelta::minutes(1));
    };
    buy("R-1");
    let between = shop.server.app.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    shop.server.clock.advance(TimeDelta::minutes(1));
    buy("R-2");
    let finance = shop.finance();
    let receipts = |query: &str| -> Vec<Value> {
        let path = format!("/v1/ledger/postings?account=receivable:market{query}");
        let items = finance.get(&path).expect(200).json()["items"].take();
        items.as_array().unwrap().iter().map(|posting| posting["receipt"].clone()).collect()
    };
    assert_eq!(receipts(""), ["R-2", "R-1"]);
    assert_eq!(receipts(&format!("&at={between}")), ["R-1"]);
}

#[test]
fn a_row_is_judged_by_rules_and_card_of_its_own_moment() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let (app, connection) = (&shop.server.app, &mut shop.server.connect());
    let number = anna.card.number.as_str();
    let bought = |days| stamp(app.now() - TimeDelta::days(days));
    // The card lived then; another rule came five days ago, and the card was blocked three days ago.
    diesel::RunQueryDsl::execute(
        diesel::sql_query("UPDATE cards.cards SET issued_at = issued_at - interval '20 days'"),
        connection,
    )
    .unwrap();
    let draft: RuleDraft =
        serde_json::from_value(json!({ "name": "more", "partner": "market", "earn": { "percent": "10" } }))
            .unwrap();
    let then = app.now() - TimeDelta::days(5);
    let more = store::create(connection, &draft, Uuid::new_v4(), then).unwrap();
    store::approve(connection, more.id, 1, Uuid::new_v4(), then).unwrap();
    let block = Block { reason: BlockReason::Lost, by: "test".to_owned(), comment: None };
    life::block(connection, anna.card.id, &block, app.now() - TimeDelta::days(3)).unwrap();
    let rows = [("early", 7), ("later", 4), ("blocked", 2)];
    let file = rows.iter().fold(HEADER.to_owned(), |file, (receipt, days)| {
        file + &format!("market-1,{receipt},{},{number},100.00,,sale,\n", bought(*days))
    });
    let (path, done) = load(&shop.program, &file);
    assert_eq!(
        (&done["outcomes"]["posted"], &done["outcomes"]["rejected"]),
        (&json!(2), &json!(1)),
        "{done}"
    );
    let refused = shop.program.get(&format!("{path}/rows?outcome=rejected")).expect(200).json();
    assert_eq!(refused["items"][0]["reason"], "card_blocked", "{refused}");
    for (receipt, cashback) in [("early", "5.00"), ("later", "10.00")] {
        let purchase = shop.program.get(&format!("/v1/purchases?outlet=market-1&receipt={receipt}"));
        assert_eq!(purchase.expect(200).json()["cashback"]["amount"], cashback, "{receipt}");
    }
    verified(&shop.server);
}

#[test]
fn a_refund_waits_for_its_sale_by_whatever_way_it_comes() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let number = anna.card.number.as_str();
    let at = stamp(shop.server.app.now() - TimeDelta::hours(2));
    let refund = |receipt: &str| format!("market-1,{receipt},{at},{number},40.00,,refund,back\n");
    let file = format!("{HEADER}{}{}{}{}", refund("api"), refund("batch"), refund("file"), refund("two"));
    let (path, done) = load(&shop.program, &file);
    assert_eq!(done["outcomes"]["only_theirs"], 4, "{done}");
    let (again, _) = load(&shop.program, &file);
    let sale = |receipt: &str| {
        let mut sale = shop.sale(("card_number", number), receipt, "100.00");
        sale["occurred_at"] = json!(at);
        sale
    };
    let by_api = shop.program.post("/v1/purchases", &sale("api")).expect(201).json();
    assert_eq!((&by_api["status"], &by_api["refunded"]), (&json!("partly_refunded"), &json!("40.00")));
    let batch = json!({ "purchases": [sale("batch"), sale("other")] });
    let by_batch = shop.program.post("/v1/purchases/batch", &batch).expect(200).json();
    assert_eq!(by_batch["results"][0]["purchase"]["refunded"], "40.00", "{by_batch}");
    assert_eq!(by_batch["results"][1]["purchase"]["refunded"], "0.00");
    let (_, later) = load(&shop.program, &format!("{HEADER}market-1,file,{at},{number},100.00,,sale,\n"));
    assert_eq!(later["outcomes"]["posted"], 1);
    let mut two = sale("two");
    two["capture"] = json!(false);
    let two = shop.program.post("/v1/purchases", &two).expect(201).json();
    assert_eq!(two["status"], "authorized", "what is not captured can't be refunded");
    let capture = format!("/v1/purchases/{}/capture", two["id"].as_str().unwrap());
    let captured = shop.program.post(&capture, &json!({})).expect(200).json();
    assert_eq!(captured["refunded"], "40.00", "{captured}");
    for receipt in ["api", "batch", "file", "two"] {
        let found = shop.program.get(&format!("/v1/purchases?outlet=market-1&receipt={receipt}")).expect(200);
        assert_eq!(found.json()["refunded"], "40.00", "{receipt}: once");
    }
    let done = shop.program.get(&path).expect(200).json();
    assert_eq!(
        (&done["outcomes"]["posted"], &done["outcomes"]["only_theirs"]),
        (&json!(4), &json!(0)),
        "{done}"
    );
    let again = shop.program.get(&again).expect(200).json();
    assert_eq!(again["outcomes"]["matched"], 4, "the same rows in another file: {again}");
    verified(&shop.server);
}

#[test]
fn any_balance_at_any_instant_and_a_job_that_closes_days() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let before = shop.server.app.now();
    shop.server.clock.advance(TimeDelta::seconds(1));
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    shop.program.post("/v1/purchases", &sale).expect(201);
    let path = format!("/v1/members/{}/balance", anna.member.0);
    let controller = shop.server.as_staff(Role::Controller, None);
    let now = controller.get(&path).expect(200).json();
    assert_eq!((&now["pending"], &now["debt"]), (&json!("5.00"), &json!("0.00")));
    let then = controller.get(&format!("{path}?at={}", stamp(before).replace('+', "%2B"))).expect(200).json();
    assert_eq!(then["pending"], "0.00");
    let nobody = format!("/v1/members/{}/balance", Uuid::now_v7());
    assert_eq!(controller.get(&nobody).problem(404), "not-found");
    assert!(matches!(controller.get(&format!("{path}?at=yesterday")).status, 400 | 422));
    shop.server.clock.advance(TimeDelta::days(2));
    let (app, connection) = (&shop.server.app, &mut shop.server.connect());
    while connection
        .transaction(|c| closing::close_day(c, &app.books, app.now(), app.now()))
        .unwrap()
        .is_some()
    {}
    let report = audit::verify(connection, &app.books).unwrap();
    assert!(report.days >= 2, "the server's own thread closes the same days: {report:#?}");
    assert_eq!(books(&shop.server.as_staff(Role::Finance, None))["member:pending"], "5.00");
    verified(&shop.server);
}
