//! Devices told of changes through a push service that speaks HTTP/2 and looks at our certificate.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use harness::apns::{Push, apns};
use harness::{eventually, until};
use shared_kernel::schema::platform::{
    apple_registrations as registrations, outbox, wallet_updates as updates,
};

use crate::apple_support::{AppleShop, CHAIN, PASS_TYPE, Unpacked};

fn waiting(connection: &mut PgConnection) -> i64 {
    updates::table.count().get_result(connection).unwrap()
}

/// Waits until nothing that has happened is still to be told: a phone that registers now hears of none of it.
fn told(apple: &AppleShop) {
    let connection = &mut apple.shop.server.connect();
    until("all is told", || {
        let events: i64 = outbox::table.count().get_result(connection).unwrap();
        events == 0 && waiting(connection) == 0
    });
}

#[test]
fn a_purchase_reaches_every_phone_with_the_pass() {
    let apns = apns(&CHAIN.root);
    let apple = AppleShop::pushing(&apns);
    let (anna, boris) = (apple.shop.holder("1001"), apple.shop.holder("1002"));
    let (one, other) = (apple.phone("one", &anna), apple.phone("other", &anna));
    let his = apple.phone("his", &boris);
    told(&apple);
    one.register("aa11").expect(201);
    other.register("bb22").expect(201);
    his.register("cc33").expect(201);
    let (_, tag) = one.changed(&apple, None).unwrap();
    let sold = apple.shop.sale(("card_number", anna.card.number.as_str()), "R-1", "1000.00");
    apple.shop.program.post("/v1/purchases", &sold).expect(201);
    let mut came = apns.wait_for(2);
    came.sort_by(|a, b| a.token.cmp(&b.token));
    let push =
        |token: &str| Push { token: token.to_owned(), topic: PASS_TYPE.to_owned(), body: "{}".to_owned() };
    assert_eq!(came, [push("aa11"), push("bb22")], "nothing of the pass goes along, and nobody else hears");
    let (serials, _) = one.changed(&apple, Some(&tag)).unwrap();
    assert_eq!(serials, [one.serial.as_str()]);
    assert_eq!(Unpacked::of(&one.fetch(None).expect(200)).amount("pending"), "50.00");
    let connection = &mut apple.shop.server.connect();
    eventually("the queue is empty", || (waiting(connection) == 0).then_some(()));
    // What a pass doesn't show tells nobody: the member's wish about letters, say.
    apple
        .shop
        .server
        .as_member("1001")
        .patch("/v1/me", &serde_json::json!({ "daily_digest": false }))
        .expect(200);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(apns.received().len(), 2);
}

#[test]
fn a_phone_that_is_gone_is_forgotten() {
    let apns = apns(&CHAIN.root);
    let apple = AppleShop::pushing(&apns);
    let holder = apple.shop.holder("1001");
    let phone = apple.phone("one", &holder);
    told(&apple);
    phone.register("aa11").expect(201);
    apns.answers(410, "Unregistered");
    let sold = apple.shop.sale(("card_number", holder.card.number.as_str()), "R-1", "1000.00");
    apple.shop.program.post("/v1/purchases", &sold).expect(201);
    apns.wait_for(1);
    let connection = &mut apple.shop.server.connect();
    eventually("it is forgotten", || {
        let left: i64 = registrations::table.count().get_result(connection).unwrap();
        (left == 0 && waiting(connection) == 0).then_some(())
    });
}

#[test]
fn a_service_that_is_down_is_tried_again_and_hears_once() {
    let apns = apns(&CHAIN.root);
    let apple = AppleShop::pushing(&apns);
    let holder = apple.shop.holder("1001");
    let phone = apple.phone("one", &holder);
    told(&apple);
    phone.register("aa11").expect(201);
    apns.answers(503, "ServiceUnavailable");
    let sell = |receipt: &str| {
        let sold = apple.shop.sale(("card_number", holder.card.number.as_str()), receipt, "1000.00");
        apple.shop.program.post("/v1/purchases", &sold).expect(201);
    };
    sell("R-1");
    apns.wait_for(1);
    let connection = &mut apple.shop.server.connect();
    let failure = || -> Option<String> {
        updates::table
            .select(updates::failure)
            .first::<Option<String>>(&mut apple.shop.server.connect())
            .unwrap()
    };
    assert_eq!(eventually("the failure is noted", failure), "status");
    apns.answers(200, "");
    apple.shop.server.clock.advance(TimeDelta::minutes(2));
    apns.wait_for(2);
    eventually("the queue is empty", || (waiting(connection) == 0).then_some(()));
    sell("R-2");
    assert_eq!(apns.wait_for(3).len(), 3);
}
