//! The edges of the API as a picky stranger finds them: what one may not see, HEAD, words, limits, settings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use card_issuer::cards::CardKind;
use card_issuer::number::CardNumber;
use chrono::TimeDelta;
use diesel::prelude::*;
use harness::{Answer, Client, server};
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::routes;

use crate::bad_inputs::{filled, filled_with};
use crate::members_http::{person, union};
use crate::people::People;
use crate::shop::{Shop, bound_to, slug, stamp};

/// Bodies nobody could take, each with its content type.
const WRONG: &[(&str, &str)] = &[
    ("application/json", "{"),
    ("application/json", "[]"),
    ("application/json", "{\"no_such_field\": 1}"),
    ("application/json", ""),
    ("text/plain", "{}"),
];

fn sent(client: &Client, method: &str, path: &str, (kind, body): (&str, &str)) -> Answer {
    client.send(method, path, &[("content-type", kind)], body.as_bytes())
}

#[test]
fn what_never_was_is_404_whatever_is_sent_along() {
    let server = server();
    let people = People::of(&server);
    let mut wrong = Vec::new();
    for entry in routes::table().iter().filter(|entry| entry.path.contains('{') && !entry.access.public) {
        if !matches!(entry.method.as_str(), "POST" | "PATCH" | "PUT") {
            continue;
        }
        let (method, path) = (entry.method.as_str(), filled(entry.path));
        for body in WRONG {
            let answer = sent(people.somebody_who_may(&entry.access), method, &path, *body);
            if answer.status != 404 {
                wrong.push(format!("{method} {path} with {body:?}: {}", answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_with_a_control_character_is_nobodys() {
    let server = server();
    let people = People::of(&server);
    let mut wrong = Vec::new();
    for entry in routes::table().iter().filter(|entry| entry.path.contains('{')) {
        for segment in ["a%00b", "%00", "a%0Ab"] {
            let (method, path) = (entry.method.as_str(), filled_with(entry.path, segment));
            let answer = sent(people.somebody_who_may(&entry.access), method, &path, WRONG[2]);
            if answer.status != 404 {
                wrong.push(format!("{method} {path}: {} {}", answer.status, answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (route, form) in [("token", "grant_type=client_credentials"), ("revoke", "token=x")] {
        for named in ["a%00:b", "a\0:b", "a:b%00"] {
            let basic = format!("Basic {}", STANDARD.encode(named));
            let headers =
                [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
            let answer =
                server.client().send("POST", &format!("/v1/oauth/{route}"), &headers, form.as_bytes());
            assert_eq!(answer.status, 401, "{route} {named:?}: {}", answer.text());
        }
    }
}

#[test]
fn what_is_somebody_elses_answers_like_what_never_was() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    let purchase = shop.program.post("/v1/purchases", &sale).expect(201).json();
    let bakery = shop.server.as_partner(&shop.server.partner("bakery", &["bakery-1"]));
    let never = "0190b5b0-0000-7000-8000-000000000000";
    let same = |client: &Client, method: &str, path: &str, id: &str| {
        for body in WRONG.iter().chain([("application/json", "{}")].iter()) {
            let theirs = sent(client, method, &path.replace("{}", id), *body);
            let unknown = sent(client, method, &path.replace("{}", never), *body);
            assert_eq!(theirs.body, unknown.body, "{method} {path} {body:?}");
            assert_eq!(theirs.problem(404), "not-found", "{method} {path} {body:?}");
        }
    };
    for rest in ["refunds", "capture", "void"] {
        same(&bakery, "POST", &format!("/v1/purchases/{{}}/{rest}"), purchase["id"].as_str().unwrap());
    }
    let right = json!({ "amount": "10.00", "reference": "B-1" });
    bakery.post(&format!("/v1/purchases/{}/refunds", purchase["id"].as_str().unwrap()), &right).problem(404);

    let server = server();
    union(&server);
    let registrar = bound_to(&server, Role::Registrar, "R-001");
    let other = bound_to(&server, Role::Registrar, "R-002");
    let theirs = other.post("/v1/members", &person("000000002", "P-2")).expect(201).json();
    let id = theirs["id"].as_str().unwrap();
    same(&registrar, "PATCH", "/v1/members/{}", id);
    for rest in ["transfer", "leave"] {
        same(&registrar, "POST", &format!("/v1/members/{{}}/{rest}"), id);
    }
    same(&registrar, "POST", "/v1/cards/{}/block", theirs["cards"][0]["id"].as_str().unwrap());
    assert_eq!(other.get(&format!("/v1/members/{id}")).expect(200).json(), theirs, "nothing has changed");
}

#[test]
fn head_answers_as_get_does_without_its_body() {
    let server = server();
    let finance = server.as_staff(Role::Finance, None);
    for entry in routes::table().iter().filter(|entry| entry.method.as_str() == "GET") {
        let path = filled(entry.path);
        let (get, head) = (server.client().get(&path), server.client().send("HEAD", &path, &[], b""));
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
    let (get, head) = (finance.get("/v1/staff/me"), finance.send("HEAD", "/v1/staff/me", &[], b""));
    assert_eq!(head.expect(200).header("content-length"), get.expect(200).header("content-length"));
    server.member("1001");
    // A stream would never end.
    server.as_member("1001").send("HEAD", "/v1/me/events", &[], b"").expect(200);
    let put = finance.send("PUT", "/v1/members", &[], b"");
    assert_eq!(put.header("allow"), "GET, HEAD, POST");
    assert_eq!(put.problem(405), "method-not-allowed");
}

#[test]
fn an_answer_given_again_is_the_whole_answer() {
    let server = server();
    let administrator = union(&server).with("idempotency-key", "\"first\"");
    let body = person("000000001", "P-1");
    let first = administrator.post("/v1/members", &body).expect(201);
    let again = administrator.post("/v1/members", &body).expect(201);
    assert_eq!(again.body, first.body);
    assert!(first.header("location").starts_with("/v1/members/"));
    assert_eq!(again.header("location"), first.header("location"));
    let other = administrator.post("/v1/members", &person("000000002", "P-1"));
    assert_eq!(other.problem(422), "idempotency-key-reused");
}

#[test]
fn no_message_speaks_of_the_programs_types() {
    let shop = Shop::open();
    let finance = shop.finance();
    let batch = |purchases: Value| json!({ "purchases": purchases });
    let bodies = [
        ("/v1/purchases", json!([])),
        ("/v1/purchases", json!({ "amount": 7 })),
        ("/v1/purchases", json!({ "amount": "1,50" })),
        ("/v1/purchases", json!({ "lines": {} })),
        ("/v1/purchases", json!({ "lines": [[]] })),
        ("/v1/purchases", json!({ "occurred_at": "yesterday" })),
        ("/v1/purchases", json!({ "capture": "no" })),
        ("/v1/purchases", json!({ "outlet": "a\u{202e}b" })),
        ("/v1/purchases/batch", batch(json!({}))),
        ("/v1/rules", json!({ "hold_days": "x" })),
        ("/v1/rules", json!({ "hold_days": -1 })),
        ("/v1/rules", json!({ "when": [] })),
        ("/v1/rules", json!({ "name": "x", "partner": "market", "earn": { "percent": "0" } })),
        ("/v1/rules", json!({ "name": "x", "partner": "market", "earn": { "percent": "1e2" } })),
        ("/v1/rules", json!({ "name": "", "partner": "nobody", "earn": {}, "funding": [] })),
    ];
    for (path, body) in bodies {
        let client = if path == "/v1/rules" { &finance } else { &shop.program };
        let answers = ["en", "ru"]
            .map(|language| client.with("accept-language", language).post(path, &body).expect(422));
        let [english, russian] = answers.map(|answer| answer.json());
        for word in ["struct", "expected", "invalid type", "usize", "i64", "u32", "RawValue", "Body", "Draft"]
        {
            let told = english["errors"].to_string();
            assert!(!told.contains(word), "{body}: {told}");
        }
        for error in russian["errors"].as_array().unwrap() {
            let told = error["detail"].as_str().unwrap();
            assert!(told.chars().any(|c| ('а'..='я').contains(&c)), "{body}: {told}");
        }
    }
    for query in ["limit=x", "limit=99999999999999999999", "limit=1&limit=2", "sort=name", "after=%00"] {
        let answer = finance.get(&format!("/v1/rules?{query}"));
        assert!(matches!(answer.status, 400 | 422), "{query}: {}", answer.status);
        assert!(!answer.text().contains("expected"), "{query}: {}", answer.text());
    }
    let upload = |client: &Client, file: &[u8]| {
        crate::registers_http::upload(client, "/v1/registers", &[], "x.csv", file).expect(422).json()
    };
    let told = upload(&shop.program.with("accept-language", "ru"), b"outlet,receipt\n");
    assert_eq!(told["errors"][0]["detail"], "не хватает столбца: occurred_at (строка 1)");
}

#[test]
fn capturing_and_voiding_have_words_of_their_own() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let authorised = |receipt: &str| {
        let mut sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "200.00");
        sale["capture"] = json!(false);
        let made = shop.program.post("/v1/purchases", &sale).expect(201).json();
        format!("/v1/purchases/{}", made["id"].as_str().unwrap())
    };
    let path = authorised("R-1");
    let over = shop.program.post(&format!("{path}/capture"), &json!({ "amount": "200.01" }));
    assert_eq!(over.json()["errors"][0]["detail"], "only 200.00 was authorised");
    assert_eq!(over.problem(422), "capture-too-much");
    let voided = shop.program.post(&format!("{path}/void"), &json!({})).expect(200).json();
    assert_eq!((&voided["status"], &voided["cashback"]["amount"]), (&json!("voided"), &json!("0.00")));
    let rules = voided["cashback"]["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["amount"] == "0.00"), "{voided}");
    let explained = shop.finance().get(&format!("{path}/explanation")).expect(200).json();
    assert!(
        explained["rules"].as_array().unwrap().iter().all(|rule| rule["applied"] == false),
        "{explained}"
    );
    assert_eq!(explained["lines"][1], "The purchase was given up before it was captured.");
}

#[test]
fn operations_stand_by_when_they_happened() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "500.00");
    // Booked in this order, bought in another; one is partly paid with points and stands twice.
    for (receipt, hours) in [("R-1", 5), ("R-2", 30), ("R-3", 1), ("R-4", 12), ("R-5", 12)] {
        let mut sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "100.00");
        sale["occurred_at"] = json!(stamp(shop.server.app.now() - TimeDelta::hours(hours)));
        shop.program.post("/v1/purchases", &sale).expect(201);
    }
    let mut sale = shop.sale(("code", &shop.code(&anna)), "R-6", "100.00");
    sale["redeem"] = json!("50.00");
    shop.program.post("/v1/purchases", &sale).expect(201);
    let me = shop.server.as_member("1001");
    let all = me.get("/v1/me/operations?limit=200").expect(200).json()["items"].clone();
    let times: Vec<&str> = all.as_array().unwrap().iter().map(|item| item["at"].as_str().unwrap()).collect();
    let mut sorted = times.clone();
    sorted.sort_unstable();
    sorted.reverse();
    assert_eq!(times, sorted);
    assert_eq!(times.len(), 8, "the gift, five, and two of the last");
    for limit in 1..=8 {
        let mut paged = Vec::new();
        let mut next = format!("/v1/me/operations?limit={limit}");
        loop {
            let page = me.get(&next).expect(200).json();
            paged.extend(page["items"].as_array().unwrap().clone());
            let Some(after) = page["next"].as_str() else { break };
            next = format!("/v1/me/operations?limit={limit}&after={after}");
        }
        assert_eq!(json!(paged), all, "in pages of {limit}");
    }
}

#[test]
fn a_card_whose_code_is_guessed_takes_no_more_codes_from_anybody() {
    let shop = Shop::open();
    let (anna, boris) = (shop.holder("1001"), shop.holder("1002"));
    let wrong = |place: usize| format!("{}{place:08}", anna.card.number.as_str());
    let guesses: Vec<Value> =
        (0..30).map(|place| shop.sale(("code", &wrong(place)), &format!("G-{place}"), "1.00")).collect();
    let answer =
        shop.program.post("/v1/purchases/batch", &json!({ "purchases": guesses })).expect(200).json();
    let slugs: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|result| slug(&result["problem"])).collect();
    let missed = slugs.iter().filter(|slug| **slug == "code-wrong").count();
    // A guess may happen to be near a code of its time: expired, or ahead.
    assert!((18..=20).contains(&missed) && slugs.last() == Some(&"too-many-requests"), "{slugs:?}");
    let cashier = shop.server.as_cashier(&shop.partner);
    let code = shop.code(&anna);
    let refused = cashier.post("/v1/cards/resolve", &json!({ "code": code }));
    assert!(refused.header("ratelimit").starts_with("\"code-of-card\""), "{}", refused.header("ratelimit"));
    assert_eq!(refused.problem(429), "too-many-requests", "whoever shows it");
    let number = json!({ "card_number": anna.card.number.as_str() });
    shop.program.post("/v1/cards/resolve", &number).expect(200);
    shop.program.post("/v1/cards/resolve", &json!({ "code": shop.code(&boris) })).expect(200);
    // PostgreSQL remembers it, nothing else does.
    let connection = &mut shop.server.connect();
    diesel::sql_query("DELETE FROM platform.guesses").execute(connection).unwrap();
    cashier.post("/v1/cards/resolve", &json!({ "code": shop.code(&anna) })).expect(200);
    let again = |place| shop.program.post("/v1/cards/resolve", &json!({ "code": wrong(place) })).status;
    // One of them may be near a code of the day, which isn't counted.
    let statuses: Vec<u16> = (100..124).map(again).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    shop.server.clock.advance(TimeDelta::minutes(10));
    cashier.post("/v1/cards/resolve", &json!({ "code": shop.code(&anna) })).expect(200);
}

#[test]
fn wrong_codes_of_many_cards_stop_a_client() {
    let shop = Shop::open();
    let holders = ["1001", "1002", "1003", "1004"].map(|number| shop.holder(number));
    let guess = |place: usize| {
        let card = holders[place % 4].card.number.as_str();
        shop.sale(("code", &format!("{card}{:08}", 90_000_000 + place)), &format!("G-{place}"), "1.00")
    };
    let guesses: Vec<Value> = (0..76).map(guess).collect();
    let answer =
        shop.program.post("/v1/purchases/batch", &json!({ "purchases": guesses })).expect(200).json();
    let statuses: Vec<u64> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let mine = json!({ "card_number": holders[0].card.number.as_str() });
    let refused = shop.program.post("/v1/cards/resolve", &mine);
    assert!(refused.header("ratelimit").starts_with("\"wrong-code\""), "{}", refused.header("ratelimit"));
    assert_eq!(refused.problem(429), "too-many-requests");
    let replayed = shop.sale(("card_number", holders[0].card.number.as_str()), "R-1", "1.00");
    shop.server.clock.advance(TimeDelta::seconds(61));
    shop.program.post("/v1/purchases", &replayed).expect(201);
}

#[test]
fn a_batch_finds_no_card_by_trying_numbers() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let unknown = |place: usize| {
        let numbers = (0..10).map(|digit| format!("9643000{place:08}{digit}"));
        numbers.into_iter().find(|number| CardNumber::parse(number).is_ok()).unwrap()
    };
    let mut tried: Vec<Value> = (0..999)
        .map(|place| shop.sale(("card_number", &unknown(place)), &format!("G-{place}"), "1.00"))
        .collect();
    tried.push(shop.sale(("card_number", anna.card.number.as_str()), "G-found", "1.00"));
    let answer = shop.program.post("/v1/purchases/batch", &json!({ "purchases": tried })).expect(200).json();
    let results = answer["results"].as_array().unwrap();
    assert!(results[..20].iter().all(|result| result["status"] == 404));
    assert!(results[20..].iter().all(|result| result["status"] == 429), "the card that is there, too");
}

#[test]
fn a_card_blocked_before_it_was_ever_active_was_never_good() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let administrator = shop.server.as_staff(Role::Administrator, None);
    let body = json!({ "member": anna.member.0, "kind": CardKind::Plastic.as_str() });
    let card = administrator.post("/v1/cards", &body).expect(201).json();
    assert_eq!((&card["status"], &card["standing"]), (&json!("ordered"), &json!("blocked")));
    let path = format!("/v1/cards/{}/block", card["id"].as_str().unwrap());
    let blocked = administrator.post(&path, &json!({ "reason": "lost" })).expect(200).json();
    assert_eq!(blocked["status"], "blocked");
    let number = card["number"].as_str().unwrap();
    let seen = shop.program.post("/v1/cards/resolve", &json!({ "card_number": number })).expect(200).json();
    assert_eq!((&seen["status"], &seen["may_redeem"]), (&json!("blocked"), &json!(false)));
    for days in [0, 1, 20] {
        let mut sale = shop.sale(("card_number", number), &format!("R-{days}"), "10.00");
        sale["occurred_at"] = json!(stamp(shop.server.app.now() - TimeDelta::days(days)));
        assert_eq!(shop.program.post("/v1/purchases", &sale).problem(409), "card-blocked", "{days}");
    }
}

#[test]
fn settings_are_an_administrators_and_judge_the_next_purchase() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "500.00");
    let administrator = shop.server.as_staff(Role::Administrator, None);
    let settings = administrator.get("/v1/settings").expect(200).json();
    assert_eq!(
        settings["programme"],
        json!({ "zone": "Europe/Moscow", "excluded_categories": ["nicotine", "tobacco"],
            "bare_number_may_redeem": false, "claim_days": 14 })
    );
    let change = |programme: Value| administrator.patch("/v1/settings", &json!({ "programme": programme }));
    for (wrong, pointer) in [
        (json!({ "excluded_categories": ["tobacco"] }), "#/programme/excluded_categories"),
        (json!({ "excluded_categories": [] }), "#/programme/excluded_categories"),
        (json!({ "excluded_categories": ["tobacco", "nicotine", " "] }), "#/programme/excluded_categories/2"),
        (
            json!({ "excluded_categories": ["tobacco", "nicotine", "tobacco"] }),
            "#/programme/excluded_categories/2",
        ),
        (json!({ "zone": "UTC" }), "#/programme/zone"),
        (json!({ "bare_number_may_redeem": "yes" }), "#/programme/bare_number_may_redeem"),
        (json!({ "claim_days": 0 }), "#/programme/claim_days"),
        (json!({ "claim_days": 61 }), "#/programme/claim_days"),
    ] {
        let answer = change(wrong.clone());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{wrong}");
        assert_eq!(answer.problem(422), "invalid");
    }
    assert_eq!(administrator.get("/v1/settings").expect(200).json(), settings, "nothing has changed");
    let finance = shop.finance();
    finance.get("/v1/settings").expect(200);
    finance.patch("/v1/settings", &json!({})).problem(403);
    bound_to(&shop.server, Role::Administrator, "C-001").patch("/v1/settings", &json!({})).problem(403);

    let bare = |receipt: &str| {
        let mut sale = shop.sale(("card_number", anna.card.number.as_str()), receipt, "100.00");
        sale["lines"] = json!([{ "category": "gifts", "amount": "100.00" }]);
        sale["redeem"] = json!("10.00");
        shop.program.post("/v1/purchases", &sale)
    };
    bare("R-1").problem(422);
    let now = change(json!({ "bare_number_may_redeem": true })).expect(200).json();
    assert_eq!(now["programme"]["bare_number_may_redeem"], true);
    assert_eq!(bare("R-1").expect(201).json()["redeemed"], "10.00");
    change(json!({ "excluded_categories": ["tobacco", "nicotine", "gifts"] })).expect(200);
    // What was bought before that is judged by the list before; receipts tell seconds.
    shop.server.clock.advance(TimeDelta::seconds(1));
    assert_eq!(bare("R-2").problem(422), "invalid", "gifts can't be paid with points any more");
    let log = "SELECT count(*) AS times FROM platform.audit_log WHERE action = 'settings.changed'";
    #[derive(QueryableByName)]
    struct Times {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        times: i64,
    }
    let logged: Times = diesel::sql_query(log).get_result(&mut shop.server.connect()).unwrap();
    assert_eq!(logged.times, 2);
}
