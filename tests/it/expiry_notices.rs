//! Members hear of an expiry 30 and 7 days ahead, once each, by mail.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use harness::TestServer;
use harness::mailbox::{self, Mail};
use serde_json::json;
use unioncard::delivery::preferences::{self, Preferences, Tongue};
use unioncard::jobs::{self, Job};

use crate::shop::{Holder, Shop};

/// The letters about points that will expire, once there are so many, by address.
fn notices(server: &TestServer, count: usize) -> Vec<Mail> {
    let folder = server.folder().join("mail");
    let about = |mail: &Mail| mail.subject.contains("сгорят") || mail.subject.contains("expire");
    let mut letters =
        mailbox::wait_for(count, || mailbox::letters(&folder).into_iter().filter(about).collect());
    letters.sort_by(|a, b| a.to.cmp(&b.to));
    letters
}

/// Runs the job as of noon in Moscow so many days before; whom it puts letters to.
fn run(server: &TestServer, on: NaiveDate, days: i64) -> u64 {
    let at: DateTime<Utc> = (on - TimeDelta::days(days)).and_hms_opt(9, 0, 0).unwrap().and_utc();
    let report = jobs::run(&server.app, &mut server.connect(), Job::ExpiryNotices, at).unwrap();
    json!(report)["done"].as_u64().unwrap()
}

/// The day what a member has expires.
fn expiry(server: &TestServer, holder: &Holder) -> NaiveDate {
    let balance = server.as_member(&holder.number).get("/v1/me/balance").expect(200).json();
    balance["expiring"][0]["on"].as_str().unwrap().parse().unwrap()
}

#[test]
fn thirty_and_seven_days_ahead_once_each_unless_turned_off() {
    let shop = Shop::open();
    let server = &shop.server;
    let [russian, english, silent] = ["1001", "1002", "1003"].map(|number| shop.holder(number));
    for (holder, points) in [(&russian, "1437.83"), (&english, "20.00"), (&silent, "30.00")] {
        shop.give(holder, points);
    }
    let wishes = Preferences { language: Tongue::English, daily_digest: false, ..Preferences::default() };
    preferences::save(&mut server.connect(), english.member, &wishes, server.app.now()).unwrap();
    let me = server.as_member("1003");
    let changed = me.patch("/v1/me", &json!({ "expiry_notices": false })).expect(200).json();
    assert_eq!((&changed["expiry_notices"], &changed["daily_digest"]), (&json!(false), &json!(true)));
    let on = expiry(server, &russian);

    assert_eq!(run(server, on, 31), 0);
    assert_eq!(run(server, on, 30), 3, "who wants none is left out when letters are sent");
    let letters = notices(server, 2);
    assert_eq!(letters[0].to, "1001@example.org");
    assert_eq!(letters[0].subject, "Баллы скоро сгорят: 1\u{202f}437,83\u{a0}₽");
    assert!(letters[0].text.contains("— 1\u{202f}437,83\u{a0}₽ в конце дня"), "{}", letters[0].text);
    assert_eq!(letters[1].to, "1002@example.org");
    assert_eq!(letters[1].subject, "Points will soon expire: 20.00\u{a0}₽");
    for days in [30, 29, 25, 8] {
        assert_eq!(run(server, on, days), 0, "told once: {days}");
    }
    assert_eq!(run(server, on, 7), 3);
    assert_eq!(notices(server, 4).len(), 4);
    for days in [7, 6, 0, -1] {
        assert_eq!(run(server, on, days), 0, "told twice in all: {days}");
    }
    use diesel::prelude::*;
    use shared_kernel::schema::platform::deliveries::dsl::{deliveries, letter};
    let waiting = || -> i64 {
        let notices = deliveries.filter(letter.eq("expiry_notice"));
        notices.count().get_result(&mut server.connect()).unwrap()
    };
    harness::until("no notice waits", || waiting() == 0);
    assert!(notices(server, 4).iter().all(|mail| mail.to != "1003@example.org"), "who wants none gets none");
}

#[test]
fn a_missed_night_is_made_up_for_and_what_was_spent_is_not_told() {
    let shop = Shop::open();
    let server = &shop.server;
    let (anna, boris) = (shop.holder("1001"), shop.holder("1002"));
    shop.give(&anna, "50.00");
    shop.give(&boris, "50.00");
    let on = expiry(server, &anna);
    let mut sale = shop.sale(("code", &shop.code(&boris)), "R-1", "100.00");
    sale["redeem"] = json!("50.00");
    shop.program.post("/v1/purchases", &sale).expect(201);
    // What the purchase earned lives two days longer and is not told yet.
    assert_eq!(run(server, on, 29), 1);
    let letters = notices(server, 1);
    assert_eq!((letters.len(), letters[0].to.as_str()), (1, "1001@example.org"));
    assert!(letters[0].text.contains("50,00"), "{}", letters[0].text);
}
