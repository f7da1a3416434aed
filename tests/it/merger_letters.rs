//! Two records became one while letters to the one that ended were still waiting: the survivor gets them, and hears of
//! nothing twice.

use cashback_engine::claims::ClaimId;
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use harness::TestServer;
use harness::builders::ROOT;
use harness::mailbox::{self, Mail};
use serde_json::{Value, json};
use unioncard::auth::Role;
use unioncard::delivery::queue;
use unioncard::jobs::{self, Job};

use crate::shop::{Holder, Shop, bound_to};

const DRIVE: &str = "9287440300634471";

fn merge(shop: &Shop, from: &Holder, into: &Holder) {
    let registrar = bound_to(&shop.server, Role::Registrar, ROOT);
    let path = format!("/v1/members/{}/merge", from.member);
    registrar.post(&path, &json!({ "into": into.member })).expect(200);
}

/// The letters whose subject says this, once there are so many.
fn about(server: &TestServer, word: &str, count: usize) -> Vec<Mail> {
    let folder = server.folder().join("mail");
    let said = |mail: &Mail| mail.subject.contains(word);
    mailbox::wait_for(count, || mailbox::letters(&folder).into_iter().filter(said).collect())
}

fn readers(letters: &[Mail]) -> Vec<&str> {
    let mut readers: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
    readers.sort_unstable();
    readers
}

/// A claim of this member's that the partner declined.
fn declined(shop: &Shop, number: &str) -> Value {
    let drives = json!({ "drives": [DRIVE] });
    shop.program.post("/v1/outlets/market-1/fiscal-drives", &drives).expect(201);
    let at = shop.server.app.now() - TimeDelta::hours(1);
    let local = at.with_timezone(&FixedOffset::east_opt(3 * 3600).unwrap()).format("%Y%m%dT%H%M");
    let fiscal = format!("t={local}&s=300.00&fn={DRIVE}&i=1&fp=1&n=1");
    let claim =
        shop.server.as_member(number).post("/v1/me/claims", &json!({ "fiscal": fiscal })).expect(201).json();
    let path = format!("/v1/claims/{}/decline", claim["id"].as_str().unwrap());
    shop.program.post(&path, &json!({ "reason": "Чек другого магазина" })).expect(200);
    claim
}

#[test]
fn letters_that_wait_go_to_the_survivor() {
    let shop = Shop::open();
    let (anna, double) = (shop.holder("1001"), shop.holder("1002"));
    let claim = declined(&shop, "1002");
    assert_eq!(readers(&about(&shop.server, "300,00", 1)), ["1002@example.org"]);
    // One more that is still to be sent; the day's cashback is told in the evening.
    let id: ClaimId = claim["id"].as_str().unwrap().parse().unwrap();
    let later = shop.server.app.now() + TimeDelta::hours(1);
    queue::put_claims(&mut shop.server.connect(), &[(double.member, id)], later).unwrap();
    let sale = shop.sale(("card_number", double.card.number.as_str()), "R-1", "740.00");
    shop.program.post("/v1/purchases", &sale).expect(201);
    wait_until_told(&shop);
    merge(&shop, &double, &anna);
    shop.server.clock.advance(TimeDelta::days(1));
    let letters = about(&shop.server, "300,00", 2);
    assert_eq!(readers(&letters), ["1001@example.org", "1002@example.org"]);
    assert!(letters.iter().all(|letter| letter.text.contains("Чек другого магазина")), "{}", letters[0].text);
    let evening = about(&shop.server, "37,00", 1);
    assert_eq!(readers(&evening), ["1001@example.org"], "the day's cashback");
}

/// Waits until the outbox was relayed: the evening's letter is in the queue.
fn wait_until_told(shop: &Shop) {
    use diesel::prelude::*;
    use shared_kernel::schema::platform::deliveries::dsl::{deliveries, letter};
    let waiting = || -> i64 {
        let digests = deliveries.filter(letter.eq("cashback_digest"));
        digests.count().get_result(&mut shop.server.connect()).unwrap()
    };
    harness::until("the evening's letter is in the queue", || waiting() > 0);
}

fn tell(server: &TestServer, on: NaiveDate, days: i64) -> u64 {
    let at: DateTime<Utc> = (on - TimeDelta::days(days)).and_hms_opt(9, 0, 0).unwrap().and_utc();
    let report = jobs::run(&server.app, &mut server.connect(), Job::ExpiryNotices, at).unwrap();
    json!(report)["done"].as_u64().unwrap()
}

#[test]
fn an_expiry_that_either_was_told_of_is_not_told_again() {
    let shop = Shop::open();
    let server = &shop.server;
    let (anna, double) = (shop.holder("1001"), shop.holder("1002"));
    shop.give(&double, "50.00");
    let balance = server.as_member("1002").get("/v1/me/balance").expect(200).json();
    let on: NaiveDate = balance["expiring"][0]["on"].as_str().unwrap().parse().unwrap();
    assert_eq!(tell(server, on, 30), 1);
    assert_eq!(readers(&about(server, "сгорят", 1)), ["1002@example.org"]);
    merge(&shop, &double, &anna);
    assert_eq!(tell(server, on, 29), 0, "told thirty days ahead");
    assert_eq!(tell(server, on, 7), 1);
    assert_eq!(readers(&about(server, "сгорят", 2)), ["1001@example.org", "1002@example.org"]);
}
