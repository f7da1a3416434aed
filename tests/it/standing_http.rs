//! Members' standing over HTTP: corrections by two people, freezing, mergers, leaving, gifts, tiers, and joining the
//! programme at a till.

use chrono::TimeDelta;
use diesel::Connection;
use harness::Client;
use harness::builders::ROOT;
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::jobs::{self, Job};

use crate::shop::{Holder, Shop, bound_to, column};

/// Runs a nightly job as of now.
fn night(shop: &Shop, job: Job) {
    jobs::run(&shop.server.app, &mut shop.server.connect(), job, shop.server.app.now()).unwrap();
}

fn bought(shop: &Shop, holder: &Holder, receipt: &str, amount: &str) -> Value {
    let sale = shop.sale(("card_number", holder.card.number.as_str()), receipt, amount);
    shop.program.post("/v1/purchases", &sale).expect(201).json()
}

/// The books are whole.
pub fn sound(shop: &Shop) {
    let report =
        cashback_engine::ledger::audit::verify(&mut shop.server.connect(), &shop.server.app.books).unwrap();
    assert!(report.ok, "{report:#?}");
}

fn registrar(shop: &Shop) -> Client {
    bound_to(&shop.server, Role::Registrar, ROOT)
}

#[test]
fn a_correction_is_proposed_by_finance_and_posted_by_a_controllers_approval() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let (finance, controller) = (shop.finance(), shop.server.as_staff(Role::Controller, None));
    let account = format!("available:{}", anna.member);
    let body = json!({ "debit": "adjustments:union", "credit": account, "amount": "25.00",
        "reason": "Кешбэк за покупку, которая не дошла", "evidence": "обращение 17" });
    let made = finance.post("/v1/adjustments", &body).expect(201).json();
    assert_eq!((&made["status"], &made["life_months"]), (&json!("proposed"), &json!(12)));
    assert_eq!(made["member"]["membership_number"], "1001");
    assert_eq!(made["proposed_by"]["email"], "finance@example.org");
    let path = format!("/v1/adjustments/{}", made["id"].as_str().unwrap());
    finance.post(&format!("{path}/approve"), &json!({})).problem(403);
    let waiting = controller.get("/v1/adjustments?status=proposed").expect(200).json();
    assert_eq!(column(&waiting["items"], "id"), [&made["id"]]);

    bought(&shop, &anna, "R-1", "100.00");
    let seen = json!({ "as_seen": made["as_seen"] });
    assert_eq!(controller.post(&format!("{path}/approve"), &seen).problem(409), "changed");
    let now = controller.get("/v1/adjustments").expect(200).json()["items"][0]["as_seen"].clone();
    let posted = controller.post(&format!("{path}/approve"), &json!({ "as_seen": now })).expect(200).json();
    assert_eq!((&posted["status"], &posted["balance"]["available"]), (&json!("approved"), &json!("25.00")));
    assert_eq!(controller.post(&format!("{path}/approve"), &json!({})).problem(409), "state");

    let operations = shop.server.as_member("1001").get("/v1/me/operations").expect(200).json();
    let shown = &operations["items"][0];
    assert_eq!((&shown["kind"], &shown["amount"]), (&json!("adjustment"), &json!("25.00")));
    assert_eq!(shown["explanation"], json!([body["reason"]]));
    let postings = finance.get(&format!("/v1/ledger/postings?account={account}")).expect(200).json();
    assert_eq!(postings["items"][0]["transfers"][0]["debit"], "adjustments:union");

    let mut wrong = body.clone();
    wrong["credit"] = json!("available:nobody");
    assert_eq!(
        finance.post("/v1/adjustments", &wrong).expect(422).json()["errors"][0]["pointer"],
        "#/credit"
    );
    wrong["credit"] = json!("funding:NOWHERE");
    assert_eq!(
        finance.post("/v1/adjustments", &wrong).expect(422).json()["errors"][0]["pointer"],
        "#/credit"
    );
    wrong["credit"] = json!(format!("available:{}", shop.server.member("1009")));
    finance.post("/v1/adjustments", &wrong).problem(409);
    let taken = json!({ "debit": account, "credit": "adjustments:union", "amount": "25.01",
        "reason": "ошибка", "evidence": "служебная записка" });
    let taken = finance.post("/v1/adjustments", &taken).expect(201).json();
    let path = format!("/v1/adjustments/{}", taken["id"].as_str().unwrap());
    assert_eq!(controller.post(&format!("{path}/approve"), &json!({})).problem(409), "insufficient");
    let declined =
        controller.post(&format!("{path}/decline"), &json!({ "comment": "нет" })).expect(200).json();
    assert_eq!((&declined["status"], &declined["comment"]), (&json!("declined"), &json!("нет")));
    sound(&shop);
}

#[test]
fn finance_finds_freezes_and_unfreezes_an_account() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "300.00");
    let finance = shop.finance();
    let found = finance.get("/v1/standings?number=1001").expect(200).json();
    let by_card = finance.get(&format!("/v1/standings?number={}", anna.card.number)).expect(200).json();
    assert_eq!(found, by_card);
    assert_eq!(
        (&found["items"][0]["standing"], &found["items"][0]["balance"]["available"]),
        (&json!("enrolled"), &json!("300.00"))
    );
    assert_eq!(finance.get("/v1/standings?number=4711").expect(200).json()["items"], json!([]));
    let path = format!("/v1/members/{}", anna.member);
    finance.post(&format!("{path}/freeze"), &json!({ "reason": " " })).problem(422);
    let frozen =
        finance.post(&format!("{path}/freeze"), &json!({ "reason": "спорные покупки" })).expect(200).json();
    assert_eq!(
        (&frozen["standing"], &frozen["frozen"]["reason"]),
        (&json!("frozen"), &json!("спорные покупки"))
    );
    finance.post(&format!("{path}/freeze"), &json!({ "reason": "ещё раз" })).problem(409);

    let resolved =
        shop.program.post("/v1/cards/resolve", &json!({ "code": shop.code(&anna) })).expect(200).json();
    assert_eq!((&resolved["may_redeem"], &resolved["may_enrol"]), (&json!(false), &json!(null)));
    assert_eq!(bought(&shop, &anna, "R-1", "100.00")["cashback"]["amount"], "5.00", "earns");
    let member = shop.server.as_member("1001");
    assert_eq!(member.get("/v1/me").expect(200).json()["frozen"], true);
    let gift = json!({ "amount": "100.00", "destination": { "kind": "solidarity" } });
    assert_eq!(member.post("/v1/me/payouts", &gift).problem(409), "member-frozen");
    finance.post(&format!("{path}/unfreeze"), &json!({ "reason": "проверено" })).expect(200);
    member.post("/v1/me/payouts", &gift).expect(201);
    sound(&shop);
}

#[test]
fn a_gift_to_the_aid_fund_is_booked_at_once() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "250.00");
    let member = shop.server.as_member("1001");
    let gift = |amount: &str| json!({ "amount": amount, "destination": { "kind": "solidarity" } });
    let small = member.post("/v1/me/payouts", &gift("99.99")).expect(422).json();
    assert_eq!(small["errors"][0]["pointer"], "#/amount");
    let sbp = json!({ "amount": "150.00", "destination": { "kind": "sbp" } });
    let elsewhere = member.post("/v1/me/payouts", &sbp).expect(422).json();
    assert_eq!(elsewhere["errors"][0]["pointer"], "#/destination/kind", "{elsewhere}");
    assert_eq!(member.post("/v1/me/payouts", &gift("250.01")).problem(409), "insufficient");
    let keyed = member.with("idempotency-key", "gift-1");
    let given = keyed.post("/v1/me/payouts", &gift("150.00")).expect(201).json();
    assert_eq!(keyed.post("/v1/me/payouts", &gift("150.00")).expect(201).json(), given);
    assert_eq!((&given["amount"], &given["destination"]["kind"]), (&json!("150.00"), &json!("solidarity")));
    assert_eq!(member.get("/v1/me/balance").expect(200).json()["available"], "100.00");
    let operations = member.get("/v1/me/operations").expect(200).json();
    let shown = &operations["items"][0];
    assert_eq!((&shown["kind"], &shown["amount"]), (&json!("donation"), &json!("-150.00")));
    assert_eq!(crate::shop::books(&shop.finance())["solidarity:union"], "150.00");
    sound(&shop);
}

#[test]
fn who_leaves_the_union_leaves_the_programme_and_comes_back_for_what_is_theirs() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "40.00");
    let day = shop.server.app.now().date_naive();
    let path = format!("/v1/members/{}/leave", anna.member);
    registrar(&shop).post(&path, &json!({ "on": day, "reason": "по заявлению" })).expect(200);
    let finance = shop.finance();
    let account = finance.get(&format!("/v1/members/{}/standing", anna.member)).expect(200).json();
    assert_eq!((&account["standing"], &account["member"]["status"]), (&json!("left"), &json!("left")));
    let member = shop.server.as_member("1001");
    assert_eq!(member.get("/v1/me").expect(200).json()["enrolled"], false);
    let gift = json!({ "amount": "5.00", "destination": { "kind": "solidarity" } });
    member.post("/v1/me/payouts", &gift).expect(201);
    assert_eq!(member.get("/v1/me/balance").expect(200).json()["available"], "35.00");
    sound(&shop);
}

#[test]
fn two_records_become_one_after_a_dry_statement_of_what_will_happen() {
    let shop = Shop::open();
    let (anna, double) = (shop.holder("1001"), shop.holder("1002"));
    shop.give(&double, "30.00");
    let purchase = bought(&shop, &double, "R-1", "1000.00");
    bought(&shop, &anna, "R-2", "100.00");
    let again = shop.sale(("card_number", double.card.number.as_str()), "R-1", "1000.00");
    let registrar = registrar(&shop);
    let path = format!("/v1/members/{}/merge", double.member);
    let dry = json!({ "into": anna.member, "dry": true });
    let told = registrar.post(&path, &dry).expect(200).json();
    assert_eq!((&told["moved"]["available"], &told["moved"]["pending"]), (&json!("30.00"), &json!("50.00")));
    assert_eq!((&told["after"]["pending"], &told["purchases"]), (&json!("55.00"), &json!(2)));
    assert_eq!(told["card_kept"]["number"], anna.card.number.as_str());
    assert_eq!(told["cards_blocked"][0]["number"], double.card.number.as_str());
    let finance = shop.finance();
    let theirs = format!("/v1/members/{}/standing", double.member);
    assert_eq!(
        finance.get(&theirs).expect(200).json()["balance"]["pending"],
        "50.00",
        "a dry run changes nothing"
    );

    let mut done = registrar.post(&path, &json!({ "into": anna.member })).expect(200).json();
    assert_eq!(done["dry"], false);
    done["dry"] = json!(true);
    for volatile in ["from", "into", "cards_blocked"] {
        done[volatile] = told[volatile].clone();
    }
    assert_eq!(done, told, "what was told is what happened");
    let gone = finance.get(&theirs).expect(200).json();
    assert_eq!((&gone["standing"], &gone["merged_into"]), (&json!("merged"), &json!(anna.member)));
    let found = finance.get("/v1/standings?number=1002").expect(200).json();
    assert_eq!(found["items"][0]["member"]["membership_number"], "1001");
    assert_eq!(
        registrar.get(&format!("/v1/members/{}", double.member)).expect(200).json()["merged_into"],
        json!(anna.member)
    );

    let replayed = shop.program.post("/v1/purchases", &again).expect(200).json();
    assert_eq!((&replayed["id"], &replayed["cashback"]["amount"]), (&purchase["id"], &json!("50.00")));
    shop.server.clock.advance(TimeDelta::seconds(1));
    let fresh = shop.sale(("card_number", double.card.number.as_str()), "R-9", "10.00");
    assert_eq!(shop.program.post("/v1/purchases", &fresh).problem(409), "card-blocked");
    let refunds = format!("/v1/purchases/{}/refunds", purchase["id"].as_str().unwrap());
    shop.program.post(&refunds, &json!({ "amount": "1000.00", "reference": "B-1" })).expect(201);
    let member = shop.server.as_member("1001");
    assert_eq!(member.get("/v1/me/balance").expect(200).json()["pending"], "5.00");
    let operations = member.get("/v1/me/operations").expect(200).json();
    let kinds: Vec<&str> =
        column(&operations["items"], "kind").into_iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["refund", "merge", "purchase", "purchase", "purchase"],
        "the other record's history is theirs"
    );
    registrar.post(&path, &json!({ "into": anna.member })).problem(409);
    registrar
        .post(&format!("/v1/members/{}/merge", anna.member), &json!({ "into": anna.member }))
        .problem(422);
    sound(&shop);
}

#[test]
fn a_merger_stays_within_ones_own_subtree() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.server.organisation("OTHER", "");
    let stranger = bound_to(&shop.server, Role::Registrar, "OTHER");
    let other = shop.holder("1002");
    let path = format!("/v1/members/{}/merge", anna.member);
    stranger.post(&path, &json!({ "into": other.member })).problem(404);
    let nobody = json!({ "into": "019a0000-0000-7000-8000-000000000000" });
    assert_eq!(registrar(&shop).post(&path, &nobody).expect(422).json()["errors"][0]["pointer"], "#/into");
}

#[test]
fn tiers_are_set_by_two_people_and_shown_with_what_is_missing() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let (finance, controller) = (shop.finance(), shop.server.as_staff(Role::Controller, None));
    assert_eq!(finance.get("/v1/tiers").expect(200).json(), json!({ "in_force": null, "draft": null }));
    let member = shop.server.as_member("1001");
    assert!(member.get("/v1/me").expect(200).json().get("tier").is_none(), "none are set");
    let tiers = json!({ "measure": "purchases", "span": "calendar", "months": 12, "tiers": [
        { "name": "bronze", "from": "0.00" }, { "name": "silver", "from": "1000.00" }] });
    let send = |client: &Client, body: &Value| {
        client.send("PUT", "/v1/tiers", &[("content-type", "application/json")], body.to_string().as_bytes())
    };
    let mut wrong = tiers.clone();
    wrong["months"] = json!(5);
    assert_eq!(send(&finance, &wrong).expect(422).json()["errors"][0]["pointer"], "#/months");
    let drafted = send(&finance, &tiers).expect(200).json();
    assert_eq!((&drafted["draft"]["version"], &drafted["in_force"]), (&json!(1), &Value::Null));
    finance.post("/v1/tiers/1/approve", &json!({})).problem(403);
    controller.post("/v1/tiers/2/approve", &json!({})).problem(404);
    let set = controller.post("/v1/tiers/1/approve", &json!({})).expect(200).json();
    assert_eq!((&set["in_force"]["tiers"], &set["draft"]), (&tiers["tiers"], &Value::Null));
    controller.post("/v1/tiers/1/approve", &json!({})).problem(409);

    bought(&shop, &anna, "R-1", "700.00");
    let tier = member.get("/v1/me").expect(200).json()["tier"].clone();
    assert_eq!((&tier["name"], &tier["reached"]), (&json!("bronze"), &json!("700.00")));
    assert_eq!(tier["next"], json!({ "name": "silver", "missing": "300.00" }));
    bought(&shop, &anna, "R-2", "300.00");
    assert_eq!(member.get("/v1/me").expect(200).json()["tier"]["name"], "silver");
    night(&shop, Job::Tiers);
    shop.server.clock.advance(TimeDelta::days(750));
    night(&shop, Job::Tiers);
    let finance = shop.server.as_staff(Role::Auditor, None);
    let account = finance.get(&format!("/v1/members/{}/standing", anna.member)).expect(200).json();
    assert_eq!(account["tier"], "bronze", "lowered once the periods had ended");
    sound(&shop);
}

/// A member with a card who never joined the programme.
fn stranger(shop: &Shop, number: &str) -> Holder {
    let member = shop.server.member(number);
    let card = shop.server.virtual_card(member);
    Holder { number: number.to_owned(), member, card }
}

#[test]
fn a_cashier_enrols_by_the_code_that_the_union_sends_the_customer() {
    let shop = Shop::open();
    let anna = stranger(&shop, "1001");
    let till = shop.server.as_cashier(&shop.partner);
    let resolved = till.post("/v1/cards/resolve", &json!({ "code": shop.code(&anna) })).expect(200).json();
    assert_eq!(resolved["may_enrol"], true);
    let asked = json!({ "resolution": resolved["resolution"] });
    shop.program.post("/v1/enrolments", &asked).problem(404);
    let started = till.post("/v1/enrolments", &asked).expect(201);
    for secret in ["1001", "Петрова", "Анна", "example.org"] {
        assert!(!started.text().contains(secret), "{}", started.text());
    }
    let started = started.json();
    assert_eq!(started["sent_by"], "email");
    let letters = shop.server.letters(1);
    let told = letters.iter().find(|letter| letter.subject.starts_with("Код для вступления"));
    let told = told.expect("it came before the answer");
    assert_eq!(told.to, "1001@example.org");
    let code = told.code();
    let confirm = format!("/v1/enrolments/{}/confirm", started["id"].as_str().unwrap());
    let other = json!({ "code": if code == "000000" { "000001" } else { "000000" } });
    shop.program.post(&confirm, &json!({ "code": code })).problem(404);
    assert_eq!(till.post(&confirm, &other).problem(422), "code-wrong");
    let joined = till.post(&confirm, &json!({ "code": code })).expect(200).json();
    assert_eq!((&joined["enrolled"], &joined["offer_version"]), (&json!(true), &json!("2026-1")));
    let mut sale = shop.sale(("resolution", resolved["resolution"].as_str().unwrap()), "R-1", "100.00");
    sale["outlet"] = json!("market-1");
    let posted = till.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!(posted["cashback"]["amount"], "5.00", "the resolution is still good for its purchase");
    let resolved = till.post("/v1/cards/resolve", &json!({ "code": shop.code(&anna) })).expect(200).json();
    let again = till.post("/v1/enrolments", &json!({ "resolution": resolved["resolution"] }));
    assert_eq!(again.problem(409), "already-enrolled");
}

#[test]
fn codes_told_at_a_till_can_not_be_guessed() {
    let shop = Shop::open();
    let anna = stranger(&shop, "1001");
    registrar(&shop)
        .send(
            "PATCH",
            &format!("/v1/members/{}", anna.member),
            &[("content-type", "application/json")],
            br#"{"phone":"+79161234567"}"#,
        )
        .expect(200);
    let till = shop.server.as_cashier(&shop.partner);
    let number = json!({ "card_number": anna.card.number.as_str() });
    let resolved = till.post("/v1/cards/resolve", &number).expect(200).json();
    let start =
        || till.post("/v1/enrolments", &json!({ "resolution": resolved["resolution"] })).expect(201).json();
    let started = start();
    assert_eq!(started["sent_by"], "sms");
    let folder = shop.server.folder().join("sms");
    let text = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let text = text.collect::<Vec<_>>().join("\n");
    assert!(text.contains("+79161234567") && text.contains("кассиру"), "{text}");
    let path = |started: &Value| format!("/v1/enrolments/{}/confirm", started["id"].as_str().unwrap());
    let wrong = json!({ "code": "abcdef" });
    for _ in 0..5 {
        assert_eq!(till.post(&path(&started), &wrong).problem(422), "code-wrong");
    }
    till.post(&path(&started), &wrong).problem(429);
    till.post(&path(&start()), &wrong).problem(429);
    shop.server.clock.advance(TimeDelta::minutes(2));
    // Looked at again once the wait is over; one more wrong code makes it longer.
    till.post(&path(&started), &wrong).problem(429);
    let mut connection = shop.server.connect();
    let standing = connection
        .transaction(|connection| cashback_engine::enrolments::standing(connection, anna.member))
        .unwrap();
    assert_eq!(standing, None);
}
