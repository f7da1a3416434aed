//! Partners told of what happens: signed, on a schedule, again when asked, and nowhere inside our own network.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use diesel::prelude::*;
use harness::builders::TestPartner;
use harness::server::server_with;
use harness::webhook_sink::{Behaviour, WebhookSink, webhook_sink};
use harness::{Client, TestServer, mailbox};
use serde_json::{Value, json};
use shared_kernel::ids::Uuid;
use shared_kernel::outbox::{self, Event};
use shared_kernel::schema::platform::webhooks;
use unioncard::delivery::webhooks::events::EventKind;

use crate::shop::{Shop, holder, rule, stamp};

/// A shop whose server may call receivers on this machine.
fn shop() -> Shop {
    let server = server_with(&[("webhooks_to_loopback", "allowed")]);
    let partner = server.partner("market", &["market-1"]);
    rule(&server, "market", json!({ "earn": { "percent": "5" } }));
    let program = server.as_partner(&partner);
    Shop { server, partner, program }
}

fn subscribe(client: &Client, url: &str, events: &[&str]) -> (String, String) {
    let made = client.post("/v1/webhooks", &json!({ "url": url, "events": events })).expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

fn buy(shop: &Shop, card: &str, receipt: &str) -> Value {
    shop.program
        .post("/v1/purchases", &shop.sale(("card_number", card), receipt, "100.00"))
        .expect(201)
        .json()
}

fn deliveries(client: &Client, id: &str) -> Vec<Value> {
    let page = client.get(&format!("/v1/webhooks/{id}/deliveries")).expect(200).json();
    page["items"].as_array().unwrap().clone()
}

/// The newest delivery, once it is as expected.
#[track_caller]
fn until(client: &Client, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let patience = Instant::now() + harness::PATIENCE;
    loop {
        let last = deliveries(client, id).first().cloned().unwrap_or_default();
        if is(&last) {
            return last;
        }
        assert!(Instant::now() < patience, "never {what}: {last}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn test(client: &Client, id: &str) -> Value {
    client.post(&format!("/v1/webhooks/{id}/test"), &json!({})).expect(202).json()
}

#[test]
fn a_partner_hears_of_its_purchases_signed_and_without_the_member() {
    let shop = shop();
    let sink = webhook_sink();
    let (id, secret) =
        subscribe(&shop.program, &sink.url("/hook?till=1"), &["purchase.posted", "purchase.refunded"]);
    let anna = shop.holder("1001");
    let bought = buy(&shop, anna.card.number.as_str(), "R-1");
    let other = shop.server.partner("bakery", &["bakery-1"]);
    let mut sale = shop.sale(("card_number", anna.card.number.as_str()), "R-2", "5.00");
    sale["outlet"] = json!("bakery-1");
    shop.server.as_partner(&other).post("/v1/purchases", &sale).expect(201);
    let told = sink.wait_for(1);
    assert_eq!(told[0].path, "/hook?till=1");
    assert!(told[0].is_signed_with(&secret), "{:?}", told[0]);
    assert!((shop.server.app.now().timestamp() - told[0].timestamp).abs() <= 30);
    let body = told[0].json();
    assert_eq!(body["type"], "purchase.posted");
    assert_eq!(
        body["data"],
        json!({ "purchase_id": bought["id"], "outlet": "market-1", "receipt": "R-1", "amount": "100.00",
            "redeemed": "0.00", "paid": "100.00", "cashback": "5.00", "commission": "2.00" })
    );
    let back = json!({ "amount": "40.00", "reference": "B-1" });
    let path = format!("/v1/purchases/{}/refunds", bought["id"].as_str().unwrap());
    shop.program.post(&path, &back).expect(201);
    let told = sink.wait_for(2);
    assert_eq!(told[1].json()["type"], "purchase.refunded");
    assert_eq!(
        told[1].json()["data"],
        json!({ "purchase_id": bought["id"], "outlet": "market-1", "receipt": "R-1", "reference": "B-1",
            "amount": "40.00", "refunded": "40.00" })
    );
    assert_ne!(told[0].id, told[1].id);
    let last = until(&shop.program, &id, "delivered", |last| last["status"] == "delivered");
    assert_eq!(
        (&last["id"], &last["attempts"], &last["answered"]),
        (&json!(told[1].id), &json!(1), &json!(204))
    );
    assert_eq!(sink.received().len(), 2, "another partner's purchase is none of theirs");
}

#[test]
fn a_partner_hears_of_a_claim_it_is_to_decide() {
    let shop = shop();
    let sink = webhook_sink();
    let (_, secret) = subscribe(&shop.program, &sink.url("/"), &["claim.to_decide"]);
    shop.holder("1001");
    let at = shop.server.app.now() - TimeDelta::hours(1);
    let fiscal = crate::claims::receipt(at, "400.00", 1);
    let drives = json!({ "drives": ["9287440300634471"] });
    shop.program.post("/v1/outlets/market-1/fiscal-drives", &drives).expect(201);
    let claim =
        shop.server.as_member("1001").post("/v1/me/claims", &json!({ "fiscal": fiscal })).expect(201).json();
    let told = sink.wait_for(1);
    assert!(told[0].is_signed_with(&secret), "{:?}", told[0]);
    let body = told[0].json();
    assert_eq!(body["type"], "claim.to_decide");
    let listed = shop.program.get("/v1/claims?status=waiting").expect(200).json()["items"][0].clone();
    assert_eq!((&body["data"]["claim_id"], &listed["id"]), (&claim["id"], &claim["id"]));
    assert_eq!((&body["data"]["outlet"], &body["data"]["amount"]), (&json!("market-1"), &json!("400.00")));
    assert_eq!(body["data"].as_object().unwrap().len(), 4, "and when; nothing of the member: {body}");
}

#[test]
fn what_was_not_committed_is_not_told_and_what_is_another_event_neither() {
    let shop = shop();
    let sink = webhook_sink();
    let (id, _) = subscribe(&shop.program, &sink.url("/"), &["claim.to_decide"]);
    let mut connection = shop.server.connect();
    let event = |kind: &str, claim: &str| Event {
        kind: kind.to_owned(),
        member_id: None,
        payload: json!({ "partner_id": shop.partner.partner.id, "claim_id": claim, "phone": "+79990000000" }),
        occurred_at: shop.server.app.now(),
    };
    let undone: QueryResult<()> = connection.transaction(|connection| {
        outbox::append(connection, &[event("claim.to_decide", "never")])?;
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert!(undone.is_err());
    outbox::append(&mut connection, &[event("statement.ready", "no"), event("claim.to_decide", "yes")])
        .unwrap();
    let told = sink.wait_for(1);
    assert_eq!(told[0].json()["data"], json!({ "claim_id": "yes" }));
    until(&shop.program, &id, "delivered", |last| last["status"] == "delivered");
    assert_eq!(deliveries(&shop.program, &id).len(), 1);
    assert_eq!(EventKind::ALL.len(), 4, "a new event belongs into the documentation of /v1/webhooks");
}

/// The published pauses after each failure, in seconds.
const PAUSES: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

#[test]
fn a_receiver_that_is_down_for_days_is_tried_ten_times_then_left_and_told_of_and_can_catch_up() {
    let shop = shop();
    shop.server.may_leave_undone();
    shop.server.as_manager(&shop.partner);
    // A token lives an hour.
    let program = || shop.server.as_partner(&shop.partner);
    let sink = webhook_sink();
    let (id, secret) = subscribe(&program(), &sink.url("/"), &["purchase.posted"]);
    sink.behave(Behaviour::Answers(500, Vec::new()));
    let anna = shop.holder("1001");
    buy(&shop, anna.card.number.as_str(), "R-1");
    let mut before = Value::Null;
    for (tries, pause) in (1_usize..).zip(PAUSES) {
        sink.wait_for(tries);
        let last = until(&program(), &id, "written down", |last| {
            last["attempts"] == tries && last["tried_at"] != before
        });
        before = last["tried_at"].clone();
        assert_eq!(last["answered"], 500, "{last}");
        assert_eq!((&last["status"], &last["failure"]), (&json!("waiting"), &json!("status")));
        // Time goes on by itself, too: this is far from the pause's end on any machine.
        let early = TimeDelta::milliseconds(pause * if pause < 60 { 500 } else { 900 });
        shop.server.clock.advance(early);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(sink.received().len(), tries, "not before its time");
        shop.server.clock.advance(TimeDelta::milliseconds(pause * 1_100 + 1_000) - early);
    }
    let tried = sink.wait_for(10);
    until(&program(), &id, "parked", |last| last["status"] == "parked");
    assert!(tried.iter().all(|one| one.id == tried[0].id && one.is_signed_with(&secret)));
    assert!(tried.windows(2).all(|two| two[0].timestamp < two[1].timestamp));
    let listed = program().get("/v1/webhooks").expect(200).json();
    assert_eq!(listed["items"][0]["status"], "disabled", "{listed}");
    assert_eq!(listed["items"][0]["disabled_why"], "failing");
    assert!(listed["items"][0]["secret"].is_null(), "shown once");
    let to_manager = |mail: &mailbox::Mail| mail.to == "manager-market@example.org";
    let folder = shop.server.folder().join("mail");
    let letters = mailbox::wait_for(1, || mailbox::letters(&folder).into_iter().filter(to_manager).collect());
    assert_eq!(letters[0].subject, "Уведомления на ваш адрес остановлены");
    assert!(letters[0].text.contains(&sink.url("/")), "{}", letters[0].text);

    // What happens meanwhile is kept.
    sink.behave(Behaviour::Answers(200, Vec::new()));
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-2", "100.00");
    let second = program().post("/v1/purchases", &sale).expect(201).json();
    until(&program(), &id, "kept", |last| {
        last["status"] == "parked" && last["body"].as_str().is_some_and(|body| body.contains("R-2"))
    });
    let path = format!("/v1/webhooks/{id}");
    assert_eq!(program().post(&format!("{path}/test"), &json!({})).problem(409), "webhook-disabled");
    program().post(&format!("{path}/enable"), &json!({})).expect(200);
    let since = stamp(shop.server.app.now() - TimeDelta::days(20));
    let again = json!({ "since": since, "status": "parked" });
    assert_eq!(program().post(&format!("{path}/replay"), &again).expect(202).json()["replayed"], 2);
    let told = sink.wait_for(12);
    let mut ids: Vec<&str> = told[10..].iter().map(|one| one.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids[0], tried[0].id, "the same message, the same id");
    assert!(told[10..].iter().any(|one| one.json()["data"]["purchase_id"] == second["id"]));
    until(&program(), &id, "delivered", |last| last["status"] == "delivered");
    let one = json!({ "delivery": tried[0].id });
    assert_eq!(program().post(&format!("{path}/replay"), &one).expect(202).json()["replayed"], 1);
    assert_eq!(sink.wait_for(13)[12].id, tried[0].id);
    let none = json!({ "delivery": Uuid::now_v7() });
    assert_eq!(program().post(&format!("{path}/replay"), &none).problem(404), "not-found");
    for wrong in
        [json!({}), json!({ "delivery": tried[0].id, "since": since }), json!({ "status": "parked" })]
    {
        assert_eq!(program().post(&format!("{path}/replay"), &wrong).problem(422), "invalid");
    }
}

#[test]
fn a_new_secret_signs_beside_the_old_one_for_a_day() {
    let shop = shop();
    let sink = webhook_sink();
    let (id, first) = subscribe(&shop.program, &sink.url("/"), &["purchase.posted"]);
    test(&shop.program, &id);
    let told = sink.wait_for(1);
    assert_eq!(told[0].json()["type"], "webhook.test");
    assert_eq!(told[0].signature.split(' ').count(), 1);
    let rotated = shop.program.post(&format!("/v1/webhooks/{id}/rotate"), &json!({})).expect(200).json();
    let second = rotated["secret"].as_str().unwrap();
    assert_ne!(second, first);
    test(&shop.program, &id);
    let told = sink.wait_for(2);
    assert!(told[1].is_signed_with(&first) && told[1].is_signed_with(second));
    let again = shop.program.post(&format!("/v1/webhooks/{id}/rotate"), &json!({}));
    assert_eq!(again.problem(409), "webhook-overlap", "the first still signs");
    shop.server.clock.advance(TimeDelta::hours(25));
    let program = shop.server.as_partner(&shop.partner);
    test(&program, &id);
    let told = sink.wait_for(3);
    assert!(told[2].is_signed_with(second) && !told[2].is_signed_with(&first));
    assert_eq!(told[2].signature.split(' ').count(), 1);
    program.post(&format!("/v1/webhooks/{id}/rotate"), &json!({})).expect(200);
}

#[test]
fn a_message_on_its_way_ends_no_pause_that_was_asked_for_meanwhile() {
    let shop = shop();
    shop.server.may_leave_undone();
    let sink = webhook_sink();
    sink.behave(Behaviour::DripsBody);
    let (id, _) = subscribe(&shop.program, &sink.url("/"), &["purchase.posted"]);
    let early = test(&shop.program, &id);
    sink.wait_for(1);
    sink.behave(Behaviour::Answers(429, vec!["Retry-After: 600".to_owned()]));
    test(&shop.program, &id);
    until(&shop.program, &id, "answered", |last| last["answered"] == 429);
    let patience = Instant::now() + harness::PATIENCE;
    while !deliveries(&shop.program, &id)
        .iter()
        .any(|one| one["id"] == early["id"] && one["status"] == "delivered")
    {
        assert!(Instant::now() < patience, "the first is never written down");
        std::thread::sleep(Duration::from_millis(20));
    }
    sink.behave(Behaviour::Answers(200, Vec::new()));
    test(&shop.program, &id);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(sink.received().len(), 2, "not while it asks for a pause");
    shop.server.clock.advance(TimeDelta::seconds(660));
    sink.wait_for(4);
}

#[test]
fn a_partner_has_ten_endpoints_however_many_it_asks_for_at_once() {
    let shop = shop();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..14)
            .map(|number| {
                let body = json!({
                    "url": format!("https://hooks.example.org/{number}"), "events": ["purchase.posted"],
                });
                let client = &shop.program;
                scope.spawn(move || client.post("/v1/webhooks", &body).status)
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 4, "{statuses:?}");
}

#[test]
fn receivers_that_drip_never_end_redirect_or_say_stop() {
    let shop = shop();
    shop.server.may_leave_undone();
    let sinks: Vec<WebhookSink> = (0..6).map(|_| webhook_sink()).collect();
    let elsewhere = format!("Location: {}", sinks[5].url("/elsewhere"));
    let behaviours = [
        (Behaviour::DripsHead, "waiting", Some("timeout")),
        (Behaviour::DripsBody, "delivered", None),
        (Behaviour::NeverEnds, "delivered", None),
        (Behaviour::Answers(307, vec![elsewhere]), "waiting", Some("redirect")),
        (Behaviour::HangsUp, "waiting", Some("interrupted")),
    ];
    let mut ids = Vec::new();
    for (sink, (behaviour, ..)) in sinks.iter().zip(&behaviours) {
        sink.behave(behaviour.clone());
        let (id, _) = subscribe(&shop.program, &sink.url("/"), &["purchase.posted"]);
        test(&shop.program, &id);
        ids.push(id);
    }
    for (id, (behaviour, status, failure)) in ids.iter().zip(&behaviours).rev() {
        let last = until(&shop.program, id, "tried", |last| last["tried_at"].is_string());
        assert_eq!(last["status"], *status, "{behaviour:?}: {last}");
        assert_eq!(last["failure"].as_str(), *failure, "{behaviour:?}: {last}");
    }
    assert!(sinks[5].received().is_empty(), "a redirect is not followed");
}

#[test]
fn a_receiver_may_ask_for_a_pause_or_to_be_left_alone() {
    let shop = shop();
    shop.server.may_leave_undone();
    let (busy, gone) = (webhook_sink(), webhook_sink());
    busy.behave(Behaviour::Answers(429, vec!["Retry-After: 600".to_owned()]));
    gone.behave(Behaviour::Answers(410, Vec::new()));
    let (busy_id, _) = subscribe(&shop.program, &busy.url("/"), &["purchase.posted"]);
    let (gone_id, _) = subscribe(&shop.program, &gone.url("/"), &["purchase.posted"]);
    test(&shop.program, &busy_id);
    test(&shop.program, &gone_id);
    until(&shop.program, &gone_id, "parked", |last| last["status"] == "parked" && last["failure"] == "gone");
    let listed = shop.program.get("/v1/webhooks").expect(200).json();
    assert_eq!(listed["items"][1]["disabled_why"], "gone", "{listed}");
    until(&shop.program, &busy_id, "answered", |last| last["answered"] == 429);
    busy.behave(Behaviour::Answers(200, Vec::new()));
    test(&shop.program, &busy_id);
    shop.server.clock.advance(TimeDelta::seconds(550));
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(busy.received().len(), 1, "not while it asks for a pause");
    shop.server.clock.advance(TimeDelta::seconds(60));
    busy.wait_for(3);
}

#[test]
fn addresses_of_our_own_network_are_refused_when_given_and_when_dialled() {
    let shop = Shop::open();
    shop.server.may_leave_undone();
    let file = harness::checkout().join("tests/data/webhook_addresses.json");
    let table: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let refused = |url: &str| {
        let body = json!({ "url": url, "events": ["purchase.posted"] });
        let answer = shop.program.post("/v1/webhooks", &body);
        let pointer = answer.json()["errors"][0]["pointer"].clone();
        assert_eq!(answer.problem(422), "invalid", "{url}");
        if !url.chars().any(char::is_control) {
            assert_eq!(pointer, "#/url", "{url}");
        }
    };
    for case in table["refused"].as_array().unwrap() {
        refused(case["url"].as_str().unwrap());
    }
    let sink = webhook_sink();
    refused(&sink.url("/"));
    assert_eq!(shop.program.get("/v1/webhooks").expect(200).json()["items"], json!([]));

    // Taken while the settings allowed it: judged anew when it is dialled.
    let id = Uuid::now_v7();
    diesel::insert_into(webhooks::table)
        .values((
            webhooks::id.eq(id),
            webhooks::partner_id.eq(shop.partner.partner.id),
            webhooks::url.eq(sink.url("/")),
            webhooks::events.eq(vec!["purchase.posted"]),
            webhooks::created_at.eq(shop.server.app.now()),
        ))
        .execute(&mut shop.server.connect())
        .unwrap();
    let id = id.to_string();
    test(&shop.program, &id);
    until(&shop.program, &id, "refused", |last| last["failure"] == "address");
    assert!(sink.received().is_empty());
}

/// `openssl` as a receiver with a certificate nobody vouches for.
struct Stranger {
    running: Child,
    port: u16,
}

impl Stranger {
    fn start(server: &TestServer) -> Self {
        let (key, certificate) = (server.folder().join("stranger.key"), server.folder().join("stranger.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost", "-days", "2"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let running = Command::new("openssl")
            .args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}")])
            .arg("-key")
            .arg(&key)
            .arg("-cert")
            .arg(&certificate)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let patience = Instant::now() + harness::PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < patience, "openssl serves");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { running, port }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

#[test]
fn a_certificate_nobody_vouches_for_gets_nothing() {
    let shop = shop();
    shop.server.may_leave_undone();
    let stranger = Stranger::start(&shop.server);
    let url = format!("https://localhost:{}/", stranger.port);
    let (id, _) = subscribe(&shop.program, &url, &["purchase.posted"]);
    test(&shop.program, &id);
    until(&shop.program, &id, "refused", |last| last["failure"] == "tls");
    // A receiver that speaks no TLS at all.
    let plain = webhook_sink();
    let url = format!("https://localhost:{}/", plain.port());
    let (id, _) = subscribe(&shop.program, &url, &["purchase.posted"]);
    test(&shop.program, &id);
    until(&shop.program, &id, "refused", |last| last["failure"] == "connect");
    assert!(plain.received().is_empty());
}

#[test]
fn a_partner_manages_its_own_and_nobody_elses() {
    let shop = shop();
    let sink = webhook_sink();
    let (id, _) = subscribe(&shop.program, &sink.url("/"), &["purchase.posted", "purchase.posted"]);
    let body = |path: &str| json!({ "url": sink.url(path), "events": ["purchase.posted"] });
    assert_eq!(shop.program.post("/v1/webhooks", &body("/")).problem(409), "webhook-exists");
    for wrong in [json!([]), json!(["purchase.sold"]), json!("purchase.posted"), json!(null)] {
        let wrong = json!({ "url": sink.url("/2"), "events": wrong });
        assert_eq!(shop.program.post("/v1/webhooks", &wrong).problem(422), "invalid", "{wrong}");
    }
    let stranger: TestPartner = shop.server.partner("bakery", &["bakery-1"]);
    let stranger = shop.server.as_manager(&stranger);
    assert_eq!(stranger.get("/v1/webhooks").expect(200).json()["items"], json!([]));
    for action in ["rotate", "enable", "test"] {
        let answer = stranger.post(&format!("/v1/webhooks/{id}/{action}"), &json!({}));
        assert_eq!(answer.problem(404), "not-found", "{action}");
    }
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    assert_eq!(stranger.post(&format!("/v1/webhooks/{id}/replay"), &since).problem(404), "not-found");
    assert_eq!(stranger.get(&format!("/v1/webhooks/{id}/deliveries")).problem(404), "not-found");
    assert_eq!(stranger.delete(&format!("/v1/webhooks/{id}")).problem(404), "not-found");
    for place in 2..=10 {
        shop.program.post("/v1/webhooks", &body(&format!("/{place}"))).expect(201);
    }
    assert_eq!(shop.program.post("/v1/webhooks", &body("/11")).problem(409), "webhooks-too-many");
    shop.program.delete(&format!("/v1/webhooks/{id}")).expect(204);
    assert_eq!(shop.program.delete(&format!("/v1/webhooks/{id}")).problem(404), "not-found");
    let listed = shop.program.get("/v1/webhooks").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 9);
    let keyed = shop.program.with("idempotency-key", "hook-1");
    let first = keyed.post("/v1/webhooks", &body("/again")).expect(201).json();
    assert_eq!(keyed.post("/v1/webhooks", &body("/again")).expect(201).json(), first);
    let anna = holder(&shop.server, "1001");
    buy(&shop, anna.card.number.as_str(), "R-1");
    assert_eq!(sink.wait_for(10).len(), 10, "each of its endpoints is told");
}
