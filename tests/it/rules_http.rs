//! Rules over HTTP: their history, what partners aren't told, previews, simulations, and purchases that explain
//! themselves.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Shop, rule};
use crate::simulations_http::done;

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

fn today(shop: &Shop, days: i64) -> String {
    let at = shop.server.app.now() + TimeDelta::days(days);
    cashback_engine::days::date_in(shop.server.app.zone, at).to_string()
}

fn plain(text: &Value) -> String {
    text.as_str().unwrap().replace(['\u{202f}', '\u{a0}'], " ")
}

#[test]
fn a_rule_shows_its_versions_and_who_made_them() {
    let shop = Shop::open();
    let (finance, controller) = (shop.finance(), shop.server.as_staff(Role::Controller, None));
    shop.server.organisation("C-059", "");
    let draft = json!({
        "name": "Осень", "partner": "market", "earn": { "percent": "3" },
        "when": { "members": { "organisation": "C-059", "categories": ["student"] } },
        "funding": [{ "by": "partner", "share": "0.5" }, { "by": "C-059", "share": "0.5" }],
    });
    let made = finance.post("/v1/rules", &draft).expect(201).json();
    let path = format!("/v1/rules/{}", id(&made));
    controller.post(&format!("{path}/versions/1/approve"), &json!({})).expect(200);
    let mut next = draft.clone();
    next["when"]["from"] = json!(today(&shop, 5));
    finance.post(&format!("{path}/versions"), &next).expect(201);
    let approved = controller.post(&format!("{path}/versions/2/approve"), &json!({})).expect(200).json();
    assert_eq!(approved["status"], "scheduled");
    let history = finance.get(&path).expect(200).json();
    let statuses: Vec<&Value> =
        history["versions"].as_array().unwrap().iter().map(|v| &v["status"]).collect();
    assert_eq!(statuses, ["active", "scheduled"]);
    assert_eq!(history["status"], "active");
    let first = &history["versions"][0];
    assert_eq!(first["drafted_by"]["email"], "finance@example.org");
    assert_eq!(first["approved_by"]["email"], "controller@example.org");
    assert!(first["drafted_at"].is_string() && first["approved_at"].is_string());
    let scheduled = finance.get("/v1/rules?status=scheduled").expect(200).json();
    assert_eq!(
        (scheduled["items"].as_array().unwrap().len(), &scheduled["items"][0]["id"]),
        (1, &made["id"])
    );
    assert_eq!(finance.get("/v1/rules?status=never").problem(422), "invalid");

    // A partner learns neither whom it is for nor which organisation pays.
    let manager = shop.server.as_manager(&shop.partner);
    for answer in [manager.get(&path).expect(200), manager.get("/v1/rules").expect(200)] {
        let text = answer.text();
        for secret in ["C-059", "student", "example.org"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(text.contains("Осень"));
    }
    let ended = finance.post(&format!("{path}/end"), &json!({})).expect(200).json();
    assert_eq!(ended["status"], "ended");
    let history = finance.get(&path).expect(200).json();
    assert_eq!(
        (&history["status"], &history["ended_by"]["email"]),
        (&json!("ended"), &json!("finance@example.org"))
    );
    let other = shop.server.partner("bakery", &["bakery-1"]);
    let bakery = shop.server.as_manager(&other);
    let unknown = bakery.get("/v1/rules/0190b5b0-0000-7000-8000-000000000000");
    assert_eq!(bakery.get(&path).body, unknown.body);
    assert_eq!(unknown.problem(404), "not-found");
}

#[test]
fn wrong_drafts_are_told_in_russian_too() {
    let shop = Shop::open();
    let finance = shop.finance().with("accept-language", "ru");
    let long = "x".repeat(201);
    for fields in [
        json!({ "name": "" }),
        json!({ "name": "a\u{7}b" }),
        json!({ "name": long }),
        json!({ "partner": "nobody" }),
        json!({ "hold_days": 4000 }),
        json!({ "life_months": 0 }),
        json!({ "hold_days": 28, "life_months": 1 }),
        json!({ "stacking": "both" }),
        json!({ "earn": { "percent": "101" } }),
        json!({ "earn": { "percent": "1e1" } }),
        json!({ "earn": { "percent": "0.0000001" } }),
        json!({ "earn": { "percent": "1", "fixed": "1.00" } }),
        json!({ "earn": { "fixed": "0.00" } }),
        json!({ "earn": { "fixed": "99999999999.00" } }),
        json!({ "earn": { "per": "1.00", "amount": "2.00" } }),
        json!({ "earn": { "ladder": [] } }),
        json!({ "earn": { "ladder": [{ "from": "5.00", "percent": "1" }, { "from": "5.00", "percent": "2" }] } }),
        json!({ "when": { "from": "2026-02-30" } }),
        json!({ "when": { "from": "2026-02-20", "until": "2026-02-19" } }),
        json!({ "when": { "days": ["monday"] } }),
        json!({ "when": { "days": ["mon", "mon"] } }),
        json!({ "when": { "hours": ["09:00"] } }),
        json!({ "when": { "hours": ["9", "18"] } }),
        json!({ "when": { "outlets": ["bakery-1"] } }),
        json!({ "when": { "categories": [""] } }),
        json!({ "when": { "categories": vec!["a"; 501] } }),
        json!({ "when": { "members": { "age": [35, 14] } } }),
        json!({ "when": { "members": { "organisation": "Z-999" } } }),
        json!({ "when": { "members": { "categories": ["astronaut"] } } }),
        json!({ "when": { "members": { "tier": " " } } }),
        json!({ "when": { "members": { "member_for_months": 1201 } } }),
        json!({ "caps": { "per_member": { "amount": "1.00", "period": "week" } } }),
        json!({ "funding": [] }),
        json!({ "funding": [{ "by": "", "share": "1" }] }),
        json!({ "funding": [{ "by": "partner", "share": "0.5" }, { "by": "partner", "share": "0.5" }] }),
        json!({ "funding": [{ "by": "partner", "share": "2" }] }),
        json!({ "funding": [{ "by": "partner", "share": "0.9" }] }),
    ] {
        let mut rule = json!({ "name": "x", "partner": "market", "earn": { "percent": "5" } });
        rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let body = finance.post("/v1/rules", &rule);
        assert_eq!(body.status, 422, "{fields}: {}", body.text());
        for error in body.json()["errors"].as_array().unwrap() {
            let detail = error["detail"].as_str().unwrap();
            assert!(detail.chars().any(|c| ('а'..='я').contains(&c)), "{fields}: {detail}");
        }
    }
}

#[test]
fn a_draft_is_tried_on_a_sample_beside_the_other_rules() {
    let shop = Shop::open();
    let finance = shop.finance().with("accept-language", "ru");
    shop.server.organisation("C-059", "");
    shop.server.organisation("P-7", "C-059");
    let sample = json!({
        "outlet": "market-1", "occurred_at": "2026-11-21T12:00:00+03:00", "amount": "1437.83",
        "member": { "organisation": "P-7", "category": "student", "age": 20, "member_for_months": 7 },
    });
    let rule = json!({
        "name": "Осень", "partner": "market", "earn": { "percent": "7.5" },
        "when": { "members": { "organisation": "C-059", "categories": ["student"], "age": [14, 20], "member_for_months": 7 } },
        "caps": { "per_purchase": "100.00" },
    });
    let preview = |rule: &Value, sample: &Value| {
        finance.post("/v1/rules/preview", &json!({ "rule": rule, "sample": sample }))
    };
    let answer = preview(&rule, &sample).expect(200).json();
    assert_eq!(answer["cashback"], "100.00");
    let [ours, other] = answer["rules"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!((&ours["version"], &ours["applied"], &ours["rate"]), (&json!(0), &json!(true), &json!("7.5")));
    assert_eq!((&ours["earned"], &ours["trimmed_by"]), (&json!("107.84"), &json!("per_purchase")));
    assert!(plain(&ours["text"]).contains("7,5 % от 1 437,83 ₽ = 107,84 ₽ (округлено до копейки)"), "{ours}");
    assert_eq!((&other["applied"], &other["why_not"]), (&json!(false), &json!("better_rule")));
    let mut older = sample.clone();
    older["member"]["age"] = json!(21);
    let answer = preview(&rule, &older).expect(200).json();
    assert_eq!(answer["cashback"], "71.89", "the 5 % for everyone");
    assert!(answer["lines"].to_string().contains("для возраста от 14 до 20"), "{answer}");
    let mut wrong = rule.clone();
    wrong["earn"] = json!({ "percent": "0" });
    let body = preview(&wrong, &sample).json();
    assert_eq!(body["errors"][0]["pointer"], "#/rule/earn/percent");
    for (field, value) in [
        ("outlet", json!("bakery-1")),
        ("amount", json!("0.00")),
        ("redeem", json!("2000.00")),
        ("lines", json!([{ "amount": "1.00" }])),
        ("member", json!({ "organisation": "Z-9" })),
    ] {
        let mut wrong = sample.clone();
        wrong[field] = value;
        let answer = preview(&rule, &wrong);
        assert_eq!(answer.status, 422, "{field}");
        let pointer = answer.json()["errors"][0]["pointer"].as_str().unwrap().to_owned();
        assert!(pointer.starts_with(&format!("#/sample/{field}")), "{pointer}");
    }
    let listed = finance.get("/v1/rules").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "nothing is stored");
}

#[test]
fn a_set_of_changes_is_tried_on_the_past() {
    let shop = Shop::open();
    let (anna, boris) = (shop.holder("1001"), shop.holder("1002"));
    for (holder, receipt, amount) in
        [(&anna, "R-1", "1000.00"), (&boris, "R-2", "300.00"), (&anna, "R-3", "50.00")]
    {
        let sale = shop.sale(("card_number", holder.card.number.as_str()), receipt, amount);
        shop.program.post("/v1/purchases", &sale).expect(201);
    }
    let finance = shop.finance();
    let ours = finance.get("/v1/rules").expect(200).json()["items"][0]["id"].clone();
    let (from, to) = (today(&shop, -1), today(&shop, 1));
    let draft = json!({ "name": "Десять", "partner": "market", "earn": { "percent": "10" }, "when": { "least_amount": "100.00", "members": { "categories": ["worker"] } } });
    let question = json!({ "from": from, "to": to, "drafts": [draft], "end": [ours] });
    let answer = finance.post("/v1/rules/simulate", &question);
    assert!([200, 202].contains(&answer.status), "{}", answer.text());
    let report = done(&finance, &answer.json());
    assert_eq!(
        report["cost"],
        json!({ "before": "67.50", "after": "130.00", "difference": "62.50", "posted": "67.50" })
    );
    assert_eq!(report["purchases"], json!({ "total": 3, "affected": 3 }));
    assert_eq!(report["members"], json!({ "total": 2, "affected": 2 }));
    assert_eq!(
        report["funders"],
        json!([{ "kind": "partner", "code": "market", "before": "67.50", "after": "130.00" }])
    );
    assert_eq!(report["rules"][0]["draft"], 0);
    assert_eq!(report["partners"][0]["code"], "market");
    assert_eq!((&report["seen"], &report["of"]), (&json!(3), &json!(3)));
    // Purchases of somebody of another category: nobody.
    let mut nobody = question.clone();
    nobody["drafts"][0]["when"]["members"]["categories"] = json!(["student"]);
    let answer = finance.post("/v1/rules/simulate", &nobody).json();
    assert_eq!(done(&finance, &answer)["cost"]["after"], "0.00");
    for (field, value, pointer) in [
        ("from", json!("someday"), "#/from"),
        ("drafts", json!([{ "name": "x", "partner": "market", "earn": {} }]), "#/drafts/0/earn"),
        (
            "drafts",
            json!([{ "name": "x", "partner": "market", "earn": { "percent": "1" }, "funding": [{ "by": "Z-9", "share": "1" }] }]),
            "#/drafts/0/funding/0/by",
        ),
    ] {
        let mut wrong = question.clone();
        wrong[field] = value;
        let answer = finance.post("/v1/rules/simulate", &wrong);
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }
    let auditor = shop.server.as_staff(Role::Auditor, None);
    assert_eq!(auditor.get(&format!("/v1/rules/simulations/{}", id(&report))).expect(200).json(), report);
    assert_eq!(auditor.post("/v1/rules/simulate", &question).problem(403), "forbidden");
    let unknown = "/v1/rules/simulations/0190b5b0-0000-7000-8000-000000000000";
    assert_eq!(auditor.get(unknown).problem(404), "not-found");
}

#[test]
fn a_simulation_whose_process_ended_is_run_anew_and_a_broken_one_says_so() {
    use diesel::connection::SimpleConnection;
    let shop = Shop::open();
    let finance = shop.finance();
    let stored_after = |attempts: i16, question: &str, status: &str| {
        let id = shared_kernel::ids::Uuid::now_v7();
        let sql = format!(
            "INSERT INTO ledger.simulations (id, question, status, seen, created_by, created_at, attempts)
             VALUES ('{id}', '{question}', '{status}', 7, '{id}', now(), {attempts})"
        );
        shop.server.connect().batch_execute(&sql).unwrap();
        json!({ "id": id, "status": status })
    };
    let fine = r#"{"from":"2026-01-01","to":"2026-12-31"}"#;
    let left = stored_after(1, fine, "running");
    assert_eq!(done(&finance, &left)["cost"]["after"], "0.00");
    let failed = |broken: Value| {
        let path = format!("/v1/rules/simulations/{}", id(&broken));
        let until = Instant::now() + harness::PATIENCE;
        loop {
            let answer = finance.get(&path).expect(200).json();
            if answer["status"] == "failed" || Instant::now() > until {
                break answer["problem"].as_str().unwrap_or_default().to_owned();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let broken = stored_after(0, r#"{"from":"2026-12-31","to":"2026-01-01"}"#, "queued");
    assert!(failed(broken).contains("/to"));
    let deadly = stored_after(2, fine, "running");
    assert!(failed(deadly).contains("twice"), "it isn't begun for ever");
}

#[test]
fn five_of_a_persons_simulations_wait_at_most() {
    use cashback_engine::EngineError;
    use cashback_engine::rules::simulate::{Question, queue};
    use diesel::{Connection, PgConnection};
    // Without a thread that would work them off.
    let database = harness::database();
    let (connection, now) = (&mut database.connect(), crate::engine_support::at("2026-11-10T09:00:00Z"));
    let question: Question =
        serde_json::from_value(json!({ "from": "2026-01-01", "to": "2026-12-31" })).unwrap();
    let [one, other] = [1, 2].map(shared_kernel::ids::Uuid::from_u128);
    let ask = |connection: &mut PgConnection, by, later| {
        let at = now + TimeDelta::milliseconds(later);
        connection.transaction(|connection| queue::add(connection, &question, by, at))
    };
    let asked: Vec<_> = (0..5).map(|later| ask(connection, one, later).unwrap()).collect();
    assert!(matches!(ask(connection, one, 5), Err(EngineError::State(_))));
    ask(connection, other, 6).unwrap();
    let next = queue::next(connection, now).unwrap().unwrap();
    assert_eq!(next.id, asked[0]);
    queue::put_back(connection, next.id).unwrap();
    for _ in 0..2 {
        assert_eq!(
            queue::next(connection, now).unwrap().unwrap().id,
            asked[0],
            "put back, it is begun twice"
        );
    }
    assert_eq!(queue::next(connection, now).unwrap().unwrap().id, asked[1], "its process ended twice");
    ask(connection, one, 7).unwrap();
}

#[test]
fn a_purchase_explains_what_applied_and_what_did_not() {
    let shop = Shop::open();
    shop.server.member("0001");
    shop.server.organisation("P-7", harness::builders::ROOT);
    let night = (shop.server.app.now() + TimeDelta::hours(4)).with_timezone(&shop.server.app.zone);
    let later = night + TimeDelta::hours(1);
    let hours = [night, later].map(|at| at.format("%H:%M").to_string());
    rule(
        &shop.server,
        "market",
        json!({ "name": "Ночь", "earn": { "percent": "50" }, "when": { "hours": hours } }),
    );
    rule(
        &shop.server,
        "market",
        json!({ "name": "Свои", "earn": { "percent": "50" }, "when": { "members": { "organisation": "P-7" } } }),
    );
    rule(
        &shop.server,
        "market",
        json!({
            "name": "Вместе", "earn": { "percent": "3.333" }, "stacking": "additive",
            "funding": [{ "by": "partner", "share": "0.5" }, { "by": harness::builders::ROOT, "share": "0.5" }],
        }),
    );
    let anna = shop.holder("1001");
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "1437.83");
    let bought = shop.program.post("/v1/purchases", &sale).expect(201);
    // Neither whom the other rules are for nor what didn't apply is told to the partner.
    assert!(!bought.text().contains("P-7") && !bought.text().contains("Свои"));
    let path = format!("/v1/purchases/{}/explanation", id(&bought.json()));
    let me = shop.server.as_member("1001").with("accept-language", "ru");
    let mine = me.get(&path).expect(200).json();
    let by_name = |name: &str| {
        let rules = mine["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["name"] == name).unwrap_or_else(|| panic!("{name}: {mine}"))
    };
    let together = by_name("Вместе");
    assert_eq!(
        (&together["eligible"], &together["rate"], &together["amount"]),
        (&json!("1437.83"), &json!("3.333"), &json!("47.92"))
    );
    assert_eq!(together["funders"][0], json!({ "by": "partner", "amount": "23.96" }));
    let root = json!({ "by": harness::builders::ROOT, "name": harness::builders::ROOT, "amount": "23.96" });
    assert_eq!(together["funders"][1], root);
    assert!(
        plain(&together["text"]).contains("3,333 % от 1 437,83 ₽ = 47,92 ₽ (округлено до копейки)"),
        "{together}"
    );
    assert_eq!(by_name("Ночь")["why_not"], "other_hours");
    assert_eq!(plain(&by_name("Свои")["reason"]), "для членов организации «P-7»");
    assert_eq!(by_name("rule")["applied"], true);
    assert_eq!(shop.finance().get(&path).expect(200).json()["rules"].as_array().unwrap().len(), 4);
    assert_eq!(shop.program.get(&path).problem(403), "forbidden");
    let stamp = bought.json()["cashback"]["available_at"].as_str().unwrap().to_owned();
    assert!(stamp > shop.server.app.now().to_rfc3339_opts(SecondsFormat::Secs, true));
}
