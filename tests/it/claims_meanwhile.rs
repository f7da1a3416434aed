//! Claims beside what happens meanwhile: a sale that is only reserved, a till that gets known while the sale arrives, cards
//! that were replaced.

use card_issuer::life::{self, Block, BlockReason};
use cashback_engine::posting::{Fiscal, Source};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared_kernel::ids::Uuid;
use unioncard::posting::{Asker, Credential, Order, batch};

use crate::claims::{DRIVE, Story, receipt};

/// Reserves a sale of 1000.00 of now, 300.00 of it with points.
fn reserve(story: &Story, name: &str, document: Option<u32>) -> Value {
    let code = story.shop.code(&story.anna);
    let mut sale = story.shop.sale(("code", &code), name, "1000.00");
    (sale["redeem"], sale["capture"]) = (json!("300.00"), json!(false));
    if let Some(document) = document {
        sale["fiscal"] = json!(receipt(story.now(), "700.00", document));
    }
    story.shop.program.post("/v1/purchases", &sale).expect(201).json()
}

#[test]
fn a_claim_waits_while_its_sale_is_reserved_with_points() {
    let story = Story::open();
    story.shop.give(&story.anna, "1500.00");
    for (document, fiscal, part, sum, pending) in [
        (1, false, None, "700.00", "35.00"),
        (2, true, None, "700.00", "70.00"),
        (3, false, Some("600.00"), "420.00", "91.00"),
    ] {
        let reserved = reserve(&story, &format!("T-{document}"), fiscal.then_some(document));
        let claim = story.claim(&receipt(story.now(), sum, document));
        let refused = story.approve(&claim, &json!({}));
        assert_eq!(refused.problem(409), "claim-authorized", "receipt {document}");
        assert_eq!(story.own(&claim)["status"], "waiting");
        let capture = format!("/v1/purchases/{}/capture", reserved["id"].as_str().unwrap());
        let body = part.map_or(json!({}), |amount| json!({ "amount": amount }));
        let captured = story.shop.program.post(&capture, &body).expect(200).json();
        assert_eq!(captured["id"], reserved["id"]);
        let own = story.own(&claim);
        assert_eq!((&own["status"], &own["purchase_id"]), (&json!("confirmed"), &reserved["id"]));
        assert_eq!(story.approve(&claim, &json!({})).expect(200).json()["purchase_id"], reserved["id"]);
        assert_eq!(story.pending(), pending, "one cashback a sale");
        story.sound();
    }
}

#[test]
fn a_claim_can_be_approved_once_what_was_reserved_is_given_up() {
    let story = Story::open();
    story.shop.give(&story.anna, "1500.00");
    let reserved = reserve(&story, "T-1", None);
    let claim = story.claim(&receipt(story.now(), "700.00", 1));
    let dearer = story.claim(&receipt(story.now(), "700.01", 2));
    story.approve(&dearer, &json!({})).expect(200);
    assert_eq!(story.approve(&claim, &json!({})).problem(409), "claim-authorized");
    let void = format!("/v1/purchases/{}/void", reserved["id"].as_str().unwrap());
    story.shop.program.post(&void, &json!({})).expect(200);
    assert_eq!(story.approve(&claim, &json!({})).expect(200).json()["status"], "approved");
    assert_eq!(story.pending(), "70.00");
    story.sound();
}

#[test]
fn a_till_that_gets_known_while_a_sale_arrives_makes_it_one_purchase() {
    let story = Story::open();
    for round in 1..=6u32 {
        let at = story.now() - TimeDelta::hours(5 + i64::from(round));
        let drive = format!("111122223333444{round}");
        let claim = story.claim(&receipt(at, "400.00", round).replace(DRIVE, &drive));
        assert_eq!(claim["status"], "unmatched");
        let sale = story.sale(&format!("R-{round}"), "400.00", at);
        let drives = json!({ "drives": [drive] });
        std::thread::scope(|scope| {
            let known =
                scope.spawn(|| story.shop.program.post("/v1/outlets/market-1/fiscal-drives", &drives).status);
            let sold = scope.spawn(|| story.shop.program.post("/v1/purchases", &sale).status);
            assert_eq!((known.join().unwrap(), sold.join().unwrap()), (201, 201));
        });
        let own = story.own(&claim);
        assert_eq!(own["status"], "confirmed", "whichever was first");
        assert_eq!(story.approve(&claim, &json!({})).expect(200).json()["purchase_id"], own["purchase_id"]);
        assert_eq!(story.pending(), format!("{}.00", round * 20), "one cashback a sale");
    }
    story.sound();
}

/// A claim's approval as an order.
fn approval(story: &Story, at: DateTime<Utc>, sum: &str, document: u32) -> Order {
    let fiscal = Fiscal::parse(&receipt(at, sum, document)).unwrap();
    Order {
        asker: Asker {
            key: "test".to_owned(),
            id: Uuid::nil(),
            partner: story.shop.partner.partner.id,
            outlets: Vec::new(),
            source: Source::Claim,
            by_hand: false,
        },
        credential: Credential::Claim(story.anna.member),
        outlet: "market-1".to_owned(),
        receipt: format!("FD-{DRIVE}-{document}"),
        occurred_at: at,
        amount: fiscal.sum,
        lines: None,
        redeem: "0.00".parse().unwrap(),
        fiscal: Some(fiscal),
        capture: true,
    }
}

#[test]
fn claims_approved_together_are_each_judged_by_the_card_of_their_moment() {
    let story = Story::open();
    let (app, connection) = (&story.shop.server.app, &mut story.shop.server.connect());
    let [early, replaced, late] = [5, 3, 1].map(|days| story.now() - TimeDelta::days(days));
    let block = Block { reason: BlockReason::Lost, by: "test".to_owned(), comment: None };
    life::reissue(connection, &app.derived.issuer, story.anna.card.id, &block, replaced).unwrap();
    for (at, sum, document) in [(early, "100.00", 1), (late, "200.00", 2)] {
        story.claim(&receipt(at, sum, document));
    }
    let orders = [approval(&story, late, "200.00", 2), approval(&story, early, "100.00", 1)];
    for answer in batch::post(app, connection, &orders) {
        assert!(answer.is_ok_and(|answer| answer.created));
    }
    assert_eq!(story.pending(), "15.00");
    story.sound();
}
