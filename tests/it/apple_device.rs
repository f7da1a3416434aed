//! The web service of Apple's passes, asked as a device asks it.

use card_issuer::life::{self, Block, BlockReason};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use harness::builders::ROOT;
use harness::eventually;
use serde_json::json;
use shared_kernel::schema::platform::apple_registrations as registrations;
use unioncard::auth::Role;
use unioncard::jobs::{self, Job};
use unioncard::wallets::apple::registrations::{OF_DEVICE_MAX, OF_PASS_MAX};

use crate::apple_support::{AppleShop, PASS_TYPE, Unpacked};

#[test]
fn a_device_registers_hears_fetches_and_leaves() {
    let apple = AppleShop::open();
    let holder = apple.shop.holder("1001");
    let phone = apple.phone("d3v1ce", &holder);
    assert_eq!(phone.changed(&apple, None), None, "not registered yet");
    phone.register("aa11").expect(201);
    phone.register("bb22").expect(200);
    let (serials, tag) = phone.changed(&apple, None).unwrap();
    assert_eq!(serials, [phone.serial.as_str()]);
    assert_eq!(phone.changed(&apple, Some(&tag)), None);
    assert_eq!(
        phone.changed(&apple, Some("not-a-tag")).unwrap().0,
        serials,
        "what isn't ours counts as none"
    );
    let fetched = phone.fetch(None).expect(200);
    let modified = fetched.header("last-modified").to_owned();
    assert!(DateTime::parse_from_rfc2822(&modified).is_ok(), "{modified}");
    let same = phone.fetch(Some(&modified)).expect(304);
    assert!(same.body.is_empty());
    assert_eq!(same.header("last-modified"), modified);

    // Two changes in one second: neither is lost, by the tag nor by the date.
    let mut seen = (tag, modified);
    for points in ["10.00", "20.00"] {
        let sold = apple.shop.sale(("card_number", holder.card.number.as_str()), points, "200.00");
        apple.shop.program.post("/v1/purchases", &sold).expect(201);
        let (serials, tag) = eventually("the pass changes", || phone.changed(&apple, Some(&seen.0)));
        assert_eq!(serials, [phone.serial.as_str()]);
        assert_eq!(Unpacked::of(&phone.fetch(Some(&seen.1)).expect(200)).amount("pending"), points);
        seen = (tag, phone.fetch(None).expect(200).header("last-modified").to_owned());
        phone.fetch(Some(&seen.1)).expect(304);
    }

    phone.unregister().expect(200);
    phone.unregister().expect(200);
    assert_eq!(phone.changed(&apple, None), None);
}

#[test]
fn a_wrong_token_and_an_unknown_pass_read_alike() {
    let apple = AppleShop::open();
    let (anna, boris) = (apple.shop.holder("1001"), apple.shop.holder("1002"));
    let (hers, his) = (apple.phone("a", &anna), apple.phone("b", &boris));
    let nobody = apple.shop.server.client();
    let never = "0190b5b0-0000-7000-8000-000000000000";
    let wrong = nobody.get(&format!("/v1/apple/v1/passes/{PASS_TYPE}/{}", hers.serial)).expect(401);
    assert_eq!(wrong.header("www-authenticate"), "ApplePass");
    let path = |pass_type: &str, serial: &str| format!("/v1/apple/v1/passes/{pass_type}/{serial}");
    let shouted = hers.serial.to_uppercase();
    for (client, path) in [
        (&his.client, path(PASS_TYPE, &hers.serial)),
        (&his.client, path(PASS_TYPE, never)),
        (&his.client, path(PASS_TYPE, "no-serial")),
        (&hers.client, path("pass.org.example.other", &hers.serial)),
        (&hers.client, path(PASS_TYPE, &shouted)),
        (&nobody, path(PASS_TYPE, never)),
        (&nobody.with("authorization", "Bearer 00"), path(PASS_TYPE, &hers.serial)),
        (&nobody.with("authorization", "ApplePass "), path(PASS_TYPE, &hers.serial)),
    ] {
        let answer = client.get(&path).expect(401);
        assert_eq!(answer.body, wrong.body, "{path}");
    }
    for serial in [hers.serial.as_str(), never] {
        let path = format!("/v1/apple/v1/devices/x/registrations/{PASS_TYPE}/{serial}");
        assert_eq!(his.client.delete(&path).expect(401).body, wrong.body);
        // A body nobody could read: rights come before it.
        for body in ["{", "{\"pushToken\": \"aa\"}"] {
            let json = [("content-type", "application/json")];
            assert_eq!(his.client.send("POST", &path, &json, body.as_bytes()).expect(401).body, wrong.body);
        }
    }
    let count: i64 = registrations::table.count().get_result(&mut apple.shop.server.connect()).unwrap();
    assert_eq!(count, 0);
    for token in ["", "a/b", "a b", "ж"] {
        assert_eq!(hers.register(token).problem(422), "invalid", "{token}");
    }
    assert_eq!(hers.register(&"a".repeat(257)).problem(422), "invalid");
}

#[test]
fn a_blocked_card_becomes_void_and_a_new_one_is_another_pass() {
    let apple = AppleShop::open();
    let holder = apple.shop.holder("1001");
    let phone = apple.phone("d3v1ce", &holder);
    phone.register("aa11").expect(201);
    let (_, tag) = phone.changed(&apple, None).unwrap();
    let (app, connection) = (&apple.shop.server.app, &mut apple.shop.server.connect());
    let lost = Block { reason: BlockReason::Lost, by: "test".to_owned(), comment: None };
    let new = life::reissue(connection, &app.derived.issuer, holder.card.id, &lost, app.now()).unwrap();
    let (serials, _) = eventually("the pass changes", || phone.changed(&apple, Some(&tag)));
    assert_eq!(serials, [phone.serial.as_str()]);
    let void = Unpacked::of(&phone.fetch(None).expect(200));
    assert_eq!(void.json()["voided"], true);
    assert_eq!(void.field("standing"), "standing_void");
    let me = apple.shop.server.as_member("1001");
    assert_eq!(me.get(&format!("/v1/me/cards/{}/apple.pkpass", holder.card.id)).problem(409), "card-blocked");
    let other = Unpacked::of(&me.get(&format!("/v1/me/cards/{}/apple.pkpass", new.id)).expect(200));
    assert_eq!(other.json()["voided"], false);
    assert_ne!(other.json()["authenticationToken"], void.json()["authenticationToken"]);
}

#[test]
fn a_suspended_membership_makes_the_pass_void_till_it_is_restored_and_leaving_does_too() {
    let apple = AppleShop::open();
    let holder = apple.shop.holder("1001");
    let phone = apple.phone("d3v1ce", &holder);
    phone.register("aa11").expect(201);
    let (_, mut tag) = phone.changed(&apple, None).unwrap();
    let registrar = apple.shop.server.as_staff(Role::Registrar, Some(ROOT));
    let on = (apple.shop.server.app.now() + TimeDelta::hours(3)).date_naive();
    for (verb, voided) in [("suspend", true), ("resume", false), ("leave", true)] {
        let path = format!("/v1/members/{}/{verb}", holder.member);
        registrar.post(&path, &json!({ "on": on, "reason": "решение" })).expect(200);
        // Another event of the same member may change the pass on the way there.
        let pass = eventually(verb, || {
            tag = phone.changed(&apple, Some(&tag))?.1;
            let pass = Unpacked::of(&phone.fetch(None).expect(200));
            (pass.json()["voided"] == voided).then_some(pass)
        });
        let standing = if voided { "standing_void" } else { "standing_member" };
        assert_eq!(pass.field("standing"), standing, "{verb}");
    }
}

#[test]
fn what_no_event_tells_of_is_found_by_the_jobs() {
    let apple = AppleShop::open();
    let shop = &apple.shop;
    let holder = shop.holder("1001");
    let phone = apple.phone("d3v1ce", &holder);
    phone.register("aa11").expect(201);
    let sold = shop.sale(("card_number", holder.card.number.as_str()), "R-1", "1000.00");
    shop.program.post("/v1/purchases", &sold).expect(201);
    let pending = || Unpacked::of(&phone.fetch(None).expect(200));
    let (_, tag) = eventually("the purchase shows", || {
        (pending().amount("pending") == "50.00").then(|| phone.changed(&apple, None).unwrap())
    });
    let run = |job: Job, at: DateTime<Utc>| {
        jobs::run(&shop.server.app, &mut shop.server.connect(), job, at).unwrap();
    };
    // The hold ends: the nightly job moves it, and marks whom it moved.
    run(Job::ReleaseHolds, shop.server.app.now() + TimeDelta::days(16));
    let (_, tag) = eventually("the release shows", || phone.changed(&apple, Some(&tag)));
    assert_eq!(pending().amount("available"), "50.00");
    // The card's last day passes: nothing happens but the calendar.
    shop.server.clock.advance(holder.card.ends_at() - shop.server.app.now() + TimeDelta::hours(1));
    run(Job::Wallets, shop.server.app.now());
    run(Job::Wallets, shop.server.app.now());
    eventually("the end shows", || phone.changed(&apple, Some(&tag)));
    let expired = pending();
    assert_eq!(
        (expired.field("standing"), expired.json()["voided"].clone()),
        (json!("standing_expired"), json!(true))
    );
}

#[test]
fn registrations_are_bounded_and_do_not_outlive_their_use() {
    let apple = AppleShop::open();
    let server = &apple.shop.server;
    let holder = apple.shop.holder("1001");
    let phones = OF_PASS_MAX + 4;
    for place in 0..phones {
        apple.holding(&format!("d{place}"), &holder).register("aa11").expect(201);
        server.clock.advance(TimeDelta::seconds(1));
    }
    let kept = |connection: &mut PgConnection| -> Vec<String> {
        registrations::table
            .order(registrations::seen_at)
            .select(registrations::device)
            .load(connection)
            .unwrap()
    };
    let connection = &mut server.connect();
    let expected: Vec<String> = (4..phones).map(|place| format!("d{place}")).collect();
    assert_eq!(kept(connection), expected, "the ones seen last stay");
    for place in 0..OF_DEVICE_MAX + 2 {
        let other = apple.shop.holder(&format!("2{place:03}"));
        apple.holding("one", &other).register("cc33").expect(201);
    }
    let of_one = registrations::table.filter(registrations::device.eq("one"));
    let of_one: i64 = of_one.count().get_result(connection).unwrap();
    assert_eq!(of_one, OF_DEVICE_MAX);
    server.clock.advance(TimeDelta::days(500));
    jobs::run(&server.app, connection, Job::Retention, server.app.now()).unwrap();
    assert_eq!(kept(connection), Vec::<String>::new());
}

#[test]
fn complaints_are_taken_within_bounds() {
    let apple = AppleShop::open();
    let device = apple.shop.server.client();
    device
        .post("/v1/apple/v1/log", &json!({ "logs": ["no\nERROR forged", "ж".repeat(100_000)] }))
        .expect(200);
    device.post("/v1/apple/v1/log", &json!({ "logs": vec!["a"; 1_000] })).expect(200);
    assert_eq!(device.post("/v1/apple/v1/log", &json!({ "logs": "a" })).problem(422), "invalid");
    // More than a minute's limit, wherever a minute ends among them.
    let mut logged = (0..130).map(|_| device.post("/v1/apple/v1/log", &json!({ "logs": [] })).status);
    assert!(logged.any(|status| status == 429), "a device can't fill the log");
}
