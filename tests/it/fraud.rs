//! The fraud watch: what strikes a rule is posted and held back, people decide, and nobody loses anything in silence.

use cashback_engine::fraud::settings::{Threshold, set_thresholds, thresholds};
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::{jobs, ledger};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use harness::Client;
use serde_json::{Value, json};
use shared_kernel::ids::Uuid;
use unioncard::auth::Role;

use crate::shop::{Holder, Shop, books, rule, stamp};

/// A rule to be turned on, and what is changed of it.
type Turned = (FraudRule, fn(&mut Threshold));

struct Watch {
    shop: Shop,
    finance: Client,
    anna: Holder,
}

impl Watch {
    /// `market` gives 5 % with a hold of 14 days; the rules named are on.
    fn with(rules: &[Turned]) -> Self {
        let shop = Shop::open();
        let finance = shop.finance();
        let anna = shop.holder("1001");
        let watch = Self { shop, finance, anna };
        watch.set(rules);
        watch
    }

    fn set(&self, rules: &[Turned]) {
        let connection = &mut self.shop.server.connect();
        let mut all = thresholds(connection).unwrap();
        for threshold in &mut all {
            threshold.enabled = false;
            if let Some((_, change)) = rules.iter().find(|(rule, _)| *rule == threshold.rule) {
                threshold.enabled = true;
                threshold.action = FraudAction::Hold;
                change(threshold);
            }
        }
        connection
            .transaction(|connection| set_thresholds(connection, &all, Uuid::new_v4(), self.now()))
            .unwrap();
    }

    fn now(&self) -> DateTime<Utc> {
        self.shop.server.app.now()
    }

    fn buy(&self, receipt: &str, amount: &str) -> Value {
        let shown = ("card_number", self.anna.card.number.as_str());
        self.shop.program.post("/v1/purchases", &self.shop.sale(shown, receipt, amount)).expect(201).json()
    }

    fn buy_live(&self, receipt: &str, amount: &str) -> Value {
        let code = self.shop.code(&self.anna);
        self.shop
            .program
            .post("/v1/purchases", &self.shop.sale(("code", &code), receipt, amount))
            .expect(201)
            .json()
    }

    fn cases(&self, status: &str) -> Vec<Value> {
        let list = self.finance.get(&format!("/v1/fraud?status={status}")).expect(200).json();
        list["items"].as_array().unwrap().clone()
    }

    fn only_case(&self, status: &str) -> Value {
        let cases = self.cases(status);
        assert_eq!(cases.len(), 1, "{cases:?}");
        cases[0].clone()
    }

    fn decide(&self, case: &Value, verb: &str, body: &Value) -> harness::Answer {
        self.finance.post(&format!("/v1/fraud/{}/{verb}", case["id"].as_str().unwrap()), body)
    }

    fn purchase(&self, id: &Value) -> Value {
        self.finance.get(&format!("/v1/purchases/{}", id.as_str().unwrap())).expect(200).json()
    }

    fn night(&self, at: DateTime<Utc>) {
        let (app, connection) = (&self.shop.server.app, &mut self.shop.server.connect());
        connection
            .transaction(|connection| {
                jobs::release_holds(connection, &app.books, at, self.now())?;
                jobs::expire(connection, &app.books, at, self.now())
            })
            .unwrap();
    }

    fn sound(&self) {
        let books = &self.shop.server.app.books;
        let report = ledger::audit::verify(&mut self.shop.server.connect(), books).unwrap();
        assert!(report.ok, "{report:#?}");
    }
}

fn two(threshold: &mut Threshold) {
    threshold.most_purchases = Some(2);
    threshold.most_amount = None;
}

fn cashback(purchase: &Value) -> (&str, &str) {
    let cashback = &purchase["cashback"];
    (cashback["amount"].as_str().unwrap(), cashback["status"].as_str().unwrap())
}

#[test]
fn beyond_the_limit_cashback_is_held_and_says_so() {
    let watch = Watch::with(&[(FraudRule::CardDay, two)]);
    for receipt in ["1", "2"] {
        assert_eq!(cashback(&watch.buy(receipt, "100.00")), ("5.00", "pending"));
    }
    let held = watch.buy("3", "100.00");
    assert_eq!(cashback(&held), ("5.00", "held"));
    assert_eq!(held["cashback"]["reason"], "held_for_check");
    assert_eq!(held["commission"], "2.00", "it is posted as any other");
    let case = watch.only_case("held");
    assert_eq!(case["purchase_id"], held["id"]);
    assert_eq!(case["evidence"][0]["rule"], "card_day");
    assert_eq!(case["evidence"][0]["seen"]["purchases"], 3);
    assert_eq!(case["evidence"][0]["limit"]["purchases"], 2);
    assert_eq!((&case["cashback"], &case["outlet"]), (&json!("5.00"), &json!("market-1")));

    let page = watch.shop.server.as_member("1001");
    let balance = page.get("/v1/me/balance").expect(200).json();
    assert_eq!(balance["pending"], "15.00", "the member still has it");
    let russian = page.with("accept-language", "ru").get("/v1/me/operations").expect(200).json();
    assert_eq!(russian["items"][0]["status"], "held");
    let told = russian["items"][0]["explanation"].to_string();
    assert!(told.contains("покупка проверяется"), "{told}");
    watch.sound();
}

#[test]
fn what_is_held_is_neither_released_nor_expired() {
    let watch = Watch::with(&[(FraudRule::CardDay, two)]);
    for receipt in ["1", "2", "3"] {
        watch.buy(receipt, "100.00");
    }
    let accounts = || books(&watch.finance);
    watch.night(watch.now() + TimeDelta::days(20));
    assert_eq!((&*accounts()["member:pending"], &*accounts()["member:available"]), ("5.00", "10.00"));
    watch.night(watch.now() + TimeDelta::days(400));
    assert_eq!((&*accounts()["member:pending"], &*accounts()["breakage:union"]), ("5.00", "10.00"));
    // Released after its last day: thirty days more, at once.
    watch.shop.server.clock.advance(TimeDelta::days(400));
    let finance = watch.shop.server.as_staff(Role::Controller, None);
    let case = finance.get("/v1/fraud?status=held").expect(200).json()["items"][0].clone();
    let id = case["id"].as_str().unwrap();
    let connection = &mut watch.shop.server.connect();
    let decision = cashback_engine::fraud::cases::Decision {
        verdict: cashback_engine::fraud::cases::Verdict::Release,
        by: Uuid::new_v4(),
        comment: None,
    };
    let (books, now) = (watch.shop.server.app.books.clone(), watch.now());
    connection
        .transaction(|connection| {
            cashback_engine::fraud::cases::decide(connection, &books, id.parse().unwrap(), &decision, now)
        })
        .unwrap();
    watch.night(watch.now() + TimeDelta::days(30));
    let balance = finance.get("/v1/ledger/trial-balance").expect(200).json();
    let available =
        balance["accounts"].as_array().unwrap().iter().find(|a| a["account"] == "member:available");
    assert_eq!(available.unwrap()["balance"], "5.00", "still there on the thirtieth day");
    watch.sound();
}

#[test]
fn released_cashback_goes_on_by_its_dates() {
    let watch = Watch::with(&[(FraudRule::CardDay, two)]);
    rule(
        &watch.shop.server,
        "market",
        json!({ "earn": { "percent": "1" }, "stacking": "additive", "hold_days": 0 }),
    );
    let shown = ("card_number", watch.anna.card.number.as_str());
    let mut last = Value::Null;
    for receipt in ["1", "2", "3"] {
        let mut sale = watch.shop.sale(shown, receipt, "100.00");
        sale["occurred_at"] = json!(stamp(watch.now() - TimeDelta::days(2)));
        last = watch.shop.program.post("/v1/purchases", &sale).expect(201).json();
    }
    assert_eq!(cashback(&last), ("6.00", "held"), "also the part whose hold is over");
    let before = books(&watch.finance);
    assert_eq!((&*before["member:pending"], &*before["member:available"]), ("16.00", "2.00"));
    let case = watch.only_case("held");
    let released = watch.decide(&case, "release", &json!({ "comment": "a family" })).expect(200).json();
    assert_eq!((&released["status"], &released["comment"]), (&json!("released"), &json!("a family")));
    watch.decide(&case, "release", &json!({})).expect(200);
    assert_eq!(watch.decide(&case, "block", &json!({})).problem(409), "state");
    let after = books(&watch.finance);
    assert_eq!((&*after["member:pending"], &*after["member:available"]), ("15.00", "3.00"));
    let purchase = watch.purchase(&last["id"]);
    assert_eq!(cashback(&purchase), ("6.00", "pending"));
    assert_eq!(purchase["cashback"]["reason"], Value::Null);
    watch.sound();
}

#[test]
fn blocked_cashback_goes_back_to_its_funders_and_explains_itself() {
    let watch = Watch::with(&[(FraudRule::CardDay, two)]);
    for receipt in ["1", "2", "3"] {
        watch.buy(receipt, "100.00");
    }
    let case = watch.only_case("held");
    let body = json!({ "comment": "test cards", "block_card": true });
    let blocked = watch.decide(&case, "block", &body).expect(200).json();
    assert_eq!((&blocked["status"], &blocked["card_blocked"]), (&json!("blocked"), &json!(true)));
    assert_eq!(blocked["cashback_left"], "0.00");
    watch.decide(&case, "block", &body).expect(200);
    let accounts = books(&watch.finance);
    assert_eq!((&*accounts["member:pending"], &*accounts["receivable:market"]), ("10.00", "16.00"));
    let purchase = watch.purchase(&case["purchase_id"]);
    assert_eq!(cashback(&purchase), ("0.00", "none"));
    assert_eq!(purchase["cashback"]["reason"], "taken_back");
    let page = watch.shop.server.as_member("1001");
    let operations = page.get("/v1/me/operations").expect(200).json();
    assert_eq!(
        (&operations["items"][0]["kind"], &operations["items"][0]["amount"]),
        (&json!("clawback"), &json!("-5.00"))
    );
    let told = operations["items"][0]["explanation"].to_string();
    assert!(told.contains("taken back"), "{told}");
    assert_eq!(page.get("/v1/me/cards").expect(200).json()["items"][0]["status"], "blocked");
    watch.shop.server.clock.advance(TimeDelta::seconds(2));
    let shown = ("card_number", watch.anna.card.number.as_str());
    let sale = watch.shop.sale(shown, "4", "100.00");
    assert_eq!(watch.shop.program.post("/v1/purchases", &sale).problem(409), "card-blocked");
    watch.sound();
}

#[test]
fn blocking_takes_what_was_spent_as_debt_and_later_refunds_agree() {
    let watch = Watch::with(&[(FraudRule::TwoTowns, |_| {})]);
    watch.set(&[(FraudRule::CardDay, |threshold| {
        threshold.action = FraudAction::Watch;
        threshold.most_purchases = Some(0);
        threshold.most_amount = None;
    })]);
    let shown = ("card_number", watch.anna.card.number.as_str());
    rule(
        &watch.shop.server,
        "market",
        json!({ "earn": { "fixed": "20.00" }, "stacking": "additive", "hold_days": 0 }),
    );
    let mut sale = watch.shop.sale(shown, "1", "100.00");
    sale["occurred_at"] = json!(stamp(watch.now() - TimeDelta::days(2)));
    let bought = watch.shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!(cashback(&bought), ("25.00", "pending"), "watched, and nothing else");
    watch.set(&[]);
    let code = watch.shop.code(&watch.anna);
    let mut spent = watch.shop.sale(("code", &code), "2", "40.00");
    spent["redeem"] = json!("20.00");
    watch.shop.program.post("/v1/purchases", &spent).expect(201);
    let case = watch.only_case("watched");
    watch.decide(&case, "block", &json!({})).expect(200);
    let accounts = books(&watch.finance);
    assert_eq!(accounts["member:debt"], "20.00", "what was spent of it: {accounts:?}");
    let id = bought["id"].as_str().unwrap();
    for (reference, amount, status) in [("a", "40.00", "partly_refunded"), ("b", "60.00", "refunded")] {
        let refund = json!({ "amount": amount, "reference": reference });
        let after =
            watch.shop.program.post(&format!("/v1/purchases/{id}/refunds"), &refund).expect(201).json();
        assert_eq!((&after["status"], cashback(&after).0), (&json!(status), "0.00"));
        watch.sound();
    }
}

#[test]
fn a_watched_purchase_can_be_held_while_it_is_pending() {
    let watch = Watch::with(&[(FraudRule::CardDay, |threshold| {
        threshold.action = FraudAction::Watch;
        threshold.most_purchases = Some(0);
    })]);
    let first = watch.buy("1", "100.00");
    assert_eq!(cashback(&first), ("5.00", "pending"));
    let case = watch.only_case("watched");
    let held = watch.decide(&case, "hold", &json!({})).expect(200).json();
    assert_eq!(held["status"], "held");
    assert_eq!(cashback(&watch.purchase(&first["id"])), ("5.00", "held"));
    watch.night(watch.now() + TimeDelta::days(20));
    assert_eq!(cashback(&watch.purchase(&first["id"])), ("5.00", "held"));
    watch.decide(&case, "release", &json!({})).expect(200);
    watch.night(watch.now() + TimeDelta::days(20));
    assert_eq!(cashback(&watch.purchase(&first["id"])), ("5.00", "available"));

    watch.buy("2", "100.00");
    watch.night(watch.now() + TimeDelta::days(20));
    let spendable = watch.only_case("watched");
    assert_eq!(watch.decide(&spendable, "hold", &json!({})).problem(409), "state");
    watch.sound();
}

#[test]
fn a_held_purchase_is_refunded_as_any_other() {
    let watch = Watch::with(&[(FraudRule::CardDay, two)]);
    for receipt in ["1", "2", "3"] {
        watch.buy(receipt, "100.00");
    }
    let case = watch.only_case("held");
    let id = case["purchase_id"].as_str().unwrap();
    let part = json!({ "amount": "40.00", "reference": "a" });
    let left = watch.shop.program.post(&format!("/v1/purchases/{id}/refunds"), &part).expect(201).json();
    assert_eq!(cashback(&left), ("3.00", "held"));
    watch.sound();
    watch.decide(&case, "release", &json!({})).expect(200);
    assert_eq!(cashback(&watch.purchase(&case["purchase_id"])), ("3.00", "pending"));
    let rest = json!({ "amount": "60.00", "reference": "b" });
    watch.shop.program.post(&format!("/v1/purchases/{id}/refunds"), &rest).expect(201);
    assert_eq!(books(&watch.finance)["member:pending"], "10.00");
    watch.sound();
}

#[test]
fn an_authorised_purchase_is_held_from_its_capture_on() {
    let watch = Watch::with(&[(FraudRule::CardDay, two)]);
    watch.buy("1", "100.00");
    watch.buy("2", "100.00");
    let mut ids = Vec::new();
    for receipt in ["3", "4"] {
        let shown = ("card_number", watch.anna.card.number.as_str());
        let mut sale = watch.shop.sale(shown, receipt, "100.00");
        sale["capture"] = json!(false);
        let authorised = watch.shop.program.post("/v1/purchases", &sale).expect(201).json();
        assert_eq!(cashback(&authorised), ("5.00", "held"));
        ids.push(authorised["id"].as_str().unwrap().to_owned());
    }
    let cases = watch.cases("held");
    let blocked = cases.iter().find(|case| case["purchase_id"] == ids[1]).unwrap();
    watch.decide(blocked, "block", &json!({})).expect(200);
    let capture = |id: &String| watch.shop.program.post(&format!("/v1/purchases/{id}/capture"), &json!({}));
    assert_eq!(cashback(&capture(&ids[0]).expect(200).json()), ("5.00", "held"));
    let taken = capture(&ids[1]).expect(200).json();
    assert_eq!(cashback(&taken), ("0.00", "none"));
    assert_eq!(taken["cashback"]["reason"], "taken_back");
    watch.sound();
}

#[test]
fn the_bare_number_earns_within_its_limit_and_the_live_code_without() {
    let watch = Watch::with(&[(FraudRule::BareNumber, |threshold| {
        threshold.most_purchases = None;
        threshold.most_amount = Some("250.00".parse().unwrap());
    })]);
    assert_eq!(cashback(&watch.buy("1", "200.00")), ("10.00", "pending"));
    assert_eq!(cashback(&watch.buy("2", "50.00")), ("2.50", "pending"));
    assert_eq!(cashback(&watch.buy("3", "0.20")), ("0.01", "held"));
    assert_eq!(cashback(&watch.buy_live("4", "500.00")), ("25.00", "pending"));
    let shown = ("card_number", watch.anna.card.number.as_str());
    let quoted = watch.shop.program.post("/v1/purchases/quote", &watch.shop.sale(shown, "5", "100.00"));
    assert_eq!(cashback(&quoted.expect(200).json()), ("5.00", "held"), "a quote says so too");
    assert_eq!(watch.cases("held").len(), 1, "and opens no case");
    watch.sound();
}

#[test]
fn one_card_in_two_towns_within_an_hour() {
    let watch = Watch::with(&[(FraudRule::TwoTowns, |threshold| threshold.minutes = Some(60))]);
    let connection = &mut watch.shop.server.connect();
    for (code, town) in [("market-tula", "Тула"), ("market-web", "")] {
        let outlet = cashback_engine::partners::NewOutlet {
            code: code.to_owned(),
            name: code.to_owned(),
            town: town.to_owned(),
            zone: "Europe/Moscow".to_owned(),
        };
        let now = watch.now();
        cashback_engine::partners::add_outlet(connection, watch.shop.partner.partner.id, &outlet, now)
            .unwrap();
    }
    let start = watch.now() - TimeDelta::days(1);
    let buy = |receipt: &str, outlet: &str, minutes: i64| {
        let mut sale = watch.shop.sale(("card_number", watch.anna.card.number.as_str()), receipt, "100.00");
        sale["outlet"] = json!(outlet);
        sale["occurred_at"] = json!(stamp(start + TimeDelta::minutes(minutes)));
        let bought = watch.shop.program.post("/v1/purchases", &sale).expect(201).json();
        bought["cashback"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(buy("1", "market-1", 0), "pending");
    assert_eq!(buy("2", "market-2", 5), "pending", "the same town");
    assert_eq!(buy("3", "market-web", 10), "pending", "a web shop is everywhere");
    assert_eq!(buy("4", "market-tula", 66), "pending", "more than an hour after");
    assert_eq!(buy("5", "market-tula", 65), "held", "an hour after");
    assert_eq!(buy("6", "market-1", 120), "held", "late to arrive, but between");
    let seen = &watch.cases("held")[1]["evidence"][0];
    assert_eq!(seen["seen"], json!({ "towns": ["Москва", "Тула"], "minutes": 60 }));
    watch.sound();
}

#[test]
fn cycling_refunds_hold_what_is_bought_next() {
    let watch = Watch::with(&[(FraudRule::RefundCycling, |threshold| {
        threshold.most_purchases = Some(2);
        threshold.days = Some(7);
    })]);
    for receipt in ["1", "2", "3"] {
        let bought = watch.buy(receipt, "100.00");
        assert_eq!(cashback(&bought).1, "pending");
        let id = bought["id"].as_str().unwrap();
        let refund = json!({ "amount": "100.00", "reference": "r" });
        watch.shop.program.post(&format!("/v1/purchases/{id}/refunds"), &refund).expect(201);
    }
    let held = watch.buy("4", "100.00");
    assert_eq!(cashback(&held).1, "held");
    assert_eq!(watch.only_case("held")["evidence"][0]["seen"], json!({ "refunds": 3, "days": 7 }));
    watch.shop.server.clock.advance(TimeDelta::days(7));
    let program = watch.shop.server.as_partner(&watch.shop.partner);
    let sale = watch.shop.sale(("card_number", watch.anna.card.number.as_str()), "5", "100.00");
    assert_eq!(cashback(&program.post("/v1/purchases", &sale).expect(201).json()).1, "pending");
    watch.sound();
}

#[test]
fn cashiers_are_watched_at_the_till_page() {
    let watch = Watch::with(&[
        (FraudRule::CashierDay, |threshold| {
            threshold.most_purchases = Some(3);
            threshold.most_amount = None;
        }),
        (FraudRule::ClosingBurst, |threshold| {
            threshold.most_purchases = Some(1);
            threshold.minutes = Some(10);
            threshold.hours_from = "21:00:00".parse().ok();
            threshold.hours_until = "23:00:00".parse().ok();
        }),
    ]);
    let cashier = watch.shop.server.as_cashier(&watch.shop.partner);
    let day = (watch.now() - TimeDelta::days(1)).date_naive();
    let at = |clock: &str| format!("{day}T{clock}+03:00");
    let buy = |receipt: &str, clock: &str| {
        let mut sale = watch.shop.sale(("card_number", watch.anna.card.number.as_str()), receipt, "100.00");
        sale["occurred_at"] = json!(at(clock));
        cashier.post("/v1/purchases", &sale).expect(201).json()["id"].clone()
    };
    buy("1", "20:58:00");
    assert!(watch.cases("held").is_empty());
    let burst = buy("2", "21:01:00");
    assert_eq!(watch.only_case("held")["purchase_id"], burst);
    assert_eq!(watch.only_case("held")["evidence"][0]["rule"], "closing_burst");
    buy("3", "21:30:00");
    let fourth = buy("4", "12:00:00");
    let cases = watch.cases("held");
    assert_eq!(cases[0]["purchase_id"], fourth);
    assert_eq!(cases[0]["evidence"][0]["rule"], "cashier_day");
    // A program is no cashier.
    let sale = watch.shop.sale(("card_number", watch.anna.card.number.as_str()), "5", "100.00");
    let by_program = watch.shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!(cashback(&by_program).1, "pending");
    watch.sound();
}

#[test]
fn a_cashiers_own_card_is_held() {
    let watch = Watch::with(&[(FraudRule::OwnCard, |_| {})]);
    let anna_at_work = anna_at_work(&watch.shop);
    let boris = watch.shop.holder("1002");
    let own = watch.shop.sale(("card_number", watch.anna.card.number.as_str()), "1", "100.00");
    assert_eq!(cashback(&anna_at_work.post("/v1/purchases", &own).expect(201).json()).1, "held");
    let other = watch.shop.sale(("card_number", boris.card.number.as_str()), "2", "100.00");
    assert_eq!(cashback(&anna_at_work.post("/v1/purchases", &other).expect(201).json()).1, "pending");
    assert_eq!(watch.only_case("held")["evidence"][0]["rule"], "own_card");
    watch.sound();
}

/// A cashier who is a member.
fn anna_at_work(shop: &Shop) -> Client {
    let connection = &mut shop.server.connect();
    let new = unioncard::auth::staff::NewStaff {
        email: "1001@EXAMPLE.org".to_owned(),
        role: Role::Cashier,
        organisation: None,
        partner: Some(shop.partner.partner.id),
        outlets: Vec::new(),
        password: None,
    };
    let made = unioncard::auth::staff::create(&shop.server.app, connection, new).unwrap();
    let body = json!({ "email": made.email, "password": made.password });
    let tokens = shop.server.client().post("/v1/auth/login", &body).expect(200).json();
    shop.server.client().bearer(tokens["access_token"].as_str().unwrap())
}

#[test]
fn nobody_approves_their_own_claim_and_those_they_approve_count_as_theirs() {
    let watch = Watch::with(&[(FraudRule::CashierDay, |threshold| {
        threshold.most_purchases = Some(1);
        threshold.most_amount = None;
    })]);
    let drives = json!({ "drives": ["9287440300634471"] });
    watch.shop.program.post("/v1/outlets/market-1/fiscal-drives", &drives).expect(201);
    let anna_at_work = anna_at_work(&watch.shop);
    let cashier = watch.shop.server.as_cashier(&watch.shop.partner);
    let page = watch.shop.server.as_member("1001");
    let approve = |who: &Client, document: u32| {
        let printed = watch.now() - TimeDelta::days(i64::from(document));
        let fiscal = json!({ "fiscal": crate::claims::receipt(printed, "1000.00", document) });
        let claim = page.post("/v1/me/claims", &fiscal).expect(201).json();
        let path = format!("/v1/claims/{}/approve", claim["id"].as_str().unwrap());
        let answer = who.post(&path, &json!({}));
        (path, answer)
    };
    let (path, refused) = approve(&anna_at_work, 1);
    assert_eq!(refused.problem(409), "claim-own");
    assert_eq!(cashier.get("/v1/claims?status=waiting").expect(200).json()["items"][0]["document"], 1);
    let first = cashier.post(&path, &json!({})).expect(200).json();
    assert_eq!(cashback(&watch.purchase(&first["purchase_id"])).1, "pending");
    // What somebody else approved is answered to her as it is.
    assert_eq!(anna_at_work.post(&path, &json!({})).expect(200).json(), first);
    let second = approve(&cashier, 2).1.expect(200).json();
    assert_eq!(cashback(&watch.purchase(&second["purchase_id"])), ("50.00", "held"));
    let case = watch.only_case("held");
    assert_eq!((&case["source"], &case["purchase_id"]), (&json!("claim"), &second["purchase_id"]));
    assert_eq!(case["evidence"][0]["rule"], "cashier_day");
    let who = case["posted_by"]["email"].as_str().unwrap();
    assert!(who.starts_with("cashier"), "finance reads who approved it: {case}");
    let decided = watch.decide(&case, "release", &json!({})).expect(200).json();
    assert!(decided["decided_by"]["email"].is_string(), "{decided}");
    // A program has no address.
    let other = watch.shop.holder("1002");
    watch.set(&[(FraudRule::CardDay, |threshold| threshold.most_purchases = Some(0))]);
    let sale = watch.shop.sale(("card_number", other.card.number.as_str()), "9", "100.00");
    watch.shop.program.post("/v1/purchases", &sale).expect(201);
    let case = watch.only_case("held");
    assert!(case["posted_by"]["id"].is_string() && case["posted_by"].get("email").is_none(), "{case}");
    watch.sound();
}

#[test]
fn from_the_first_day_on_it_looks_and_holds_nothing() {
    let shop = Shop::open();
    let (finance, anna) = (shop.finance(), shop.holder("1001"));
    let rules = finance.get("/v1/fraud/rules").expect(200).json();
    let on = |rule: &Value| rule["enabled"] == true && rule["action"] == "watch";
    assert!(rules["rules"].as_array().unwrap().iter().all(on), "{rules}");
    let shown = ("card_number", anna.card.number.as_str());
    let sales: Vec<Value> = (0..130).map(|at| shop.sale(shown, &format!("R-{at}"), "100.00")).collect();
    let answer = shop.program.post("/v1/purchases/batch", &json!({ "purchases": sales })).expect(200).json();
    let results = answer["results"].as_array().unwrap();
    assert!(results.iter().all(|one| cashback(&one["purchase"]) == ("5.00", "pending")), "{answer}");
    let cases = finance.get("/v1/fraud?status=watched&limit=200").expect(200).json();
    let cases = cases["items"].as_array().unwrap();
    assert_eq!(cases.len(), 80, "from the 21st by the bare number to the hundredth");
    assert_eq!(cases[0]["evidence"][0]["rule"], "bare_number");
    assert_eq!(finance.get("/v1/fraud?status=held").expect(200).json()["items"], json!([]));
}

#[test]
fn finance_sets_the_thresholds_and_others_read_them() {
    let watch = Watch::with(&[]);
    let mut rules = watch.finance.get("/v1/fraud/rules").expect(200).json();
    let list = rules["rules"].as_array().unwrap();
    assert_eq!(list.len(), FraudRule::ALL.len());
    assert!(list.iter().all(|rule| rule["enabled"] == false), "as they were set");
    rules["rules"][0]["enabled"] = json!(true);
    rules["rules"][0]["action"] = json!("hold");
    rules["rules"][0]["most_purchases"] = json!(1);
    let set = watch.finance.send(
        "PUT",
        "/v1/fraud/rules",
        &[("content-type", "application/json")],
        rules.to_string().as_bytes(),
    );
    assert_eq!(set.expect(200).json(), rules);
    assert_eq!(cashback(&watch.buy("1", "100.00")).1, "pending");
    assert_eq!(cashback(&watch.buy("2", "100.00")).1, "held", "it holds from the next purchase on");
    for (place, field, value) in [
        (0, "most_purchases", json!(-1)),
        (0, "minutes", json!(5)),
        (3, "days", json!(91)),
        (4, "minutes", json!(0)),
        (5, "most_purchases", json!(100)),
        (5, "hours", json!(["21:00", "25:00"])),
        (5, "hours", json!(["21:00", "21:00"])),
    ] {
        let mut wrong = rules.clone();
        wrong["rules"][place][field] = value;
        let body = wrong.to_string();
        let json = [("content-type", "application/json")];
        let answer = watch.finance.send("PUT", "/v1/fraud/rules", &json, body.as_bytes()).expect(422).json();
        assert_eq!(answer["errors"][0]["pointer"], format!("#/rules/{place}/{field}"), "{answer}");
    }
    let auditor = watch.shop.server.as_staff(Role::Auditor, None);
    assert_eq!(auditor.get("/v1/fraud/rules").expect(200).json(), rules);
    let case = watch.only_case("held");
    let id = case["id"].as_str().unwrap();
    assert_eq!(auditor.post(&format!("/v1/fraud/{id}/release"), &json!({})).status, 403);
}

#[test]
fn a_limit_struck_by_eight_at_once_is_struck_exactly() {
    let watch = Watch::with(&[(FraudRule::CardDay, |threshold| {
        threshold.most_purchases = Some(5);
        threshold.most_amount = None;
    })]);
    let statuses: Vec<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|place| {
                let watch = &watch;
                scope.spawn(move || cashback(&watch.buy(&format!("R-{place}"), "100.00")).1.to_owned())
            })
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| *status == "held").count(), 3, "{statuses:?}");
    watch.sound();
}

#[test]
fn whoever_decides_finds_all_that_waits_and_each_case_by_its_address() {
    let watch = Watch::with(&[(FraudRule::CardDay, |threshold| {
        two(threshold);
        threshold.action = FraudAction::Watch;
    })]);
    for receipt in ["1", "2", "3"] {
        watch.buy(receipt, "100.00");
    }
    watch.set(&[(FraudRule::CardDay, two)]);
    watch.buy("4", "100.00");
    let statuses = |list: Vec<Value>| -> Vec<String> {
        list.iter().map(|case| case["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(statuses(watch.cases("open")), ["held", "watched"], "the newest first");
    let watched = watch.only_case("watched");
    let path = format!("/v1/fraud/{}", watched["id"].as_str().unwrap());
    assert_eq!(watch.finance.get(&path).expect(200).json(), watched);
    let released = watch.decide(&watched, "release", &json!({})).expect(200).json();
    assert_eq!(watch.finance.get(&path).expect(200).json(), released, "also once it is decided");
    assert_eq!(statuses(watch.cases("open")), ["held"]);
    let auditor = watch.shop.server.as_staff(Role::Auditor, None);
    assert_eq!(auditor.get(&path).expect(200).json()["status"], "released");
    let unknown = "/v1/fraud/0190b5b0-0000-7000-8000-000000000000";
    assert_eq!(auditor.get(unknown).problem(404), "not-found");
    assert_eq!(auditor.get("/v1/fraud?status=never").problem(422), "invalid");
}
