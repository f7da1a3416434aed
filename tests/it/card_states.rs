//! Each state of a card × each use of it, in one table.

use card_issuer::cards::{self, Card, CardKind, NewCard};
use card_issuer::life::{self, Block, BlockReason, CardStatus};
use chrono::TimeDelta;
use diesel::prelude::*;
use harness::Client;
use serde_json::json;
use union_registry::{memberships, organisations};

use crate::apple_support::AppleShop;
use crate::shop::{Shop, holder};

/// What a use of a card is answered with: 200 or 201, or the problem's slug.
type Uses = [&'static str; 7];

/// The uses, in the order of the columns.
const COLUMNS: Uses = ["resolve", "earn", "redeem", "code", "proof", "device", "wallet"];

/// A card in a state, and what each use of it brings. `resolve` tells the card's status.
const TABLE: &[(&str, CardKind, Uses)] = &[
    ("active", CardKind::Virtual, ["valid", "ok", "ok", "ok", "ok", "ok", "ok"]),
    (
        "blocked",
        CardKind::Virtual,
        [
            "blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
        ],
    ),
    (
        "reissued",
        CardKind::Virtual,
        [
            "blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
        ],
    ),
    (
        "expired",
        CardKind::Virtual,
        [
            "expired",
            "card-expired",
            "card-expired",
            "card-expired",
            "card-expired",
            "card-expired",
            "card-expired",
        ],
    ),
    (
        "suspended",
        CardKind::Virtual,
        [
            "blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
            "card-blocked",
        ],
    ),
    ("left", CardKind::Virtual, ["blocked", "card-blocked", "card-blocked", "none", "none", "none", "none"]),
    ("transferred", CardKind::Virtual, ["valid", "ok", "ok", "ok", "ok", "ok", "ok"]),
    ("family", CardKind::Virtual, ["valid", "ok", "ok", "ok", "ok", "ok", "ok"]),
    (
        "ordered",
        CardKind::Plastic,
        ["blocked", "card-blocked", "none", "card-plastic", "card-blocked", "card-blocked", "card-plastic"],
    ),
    (
        "issued",
        CardKind::Plastic,
        ["blocked", "card-blocked", "none", "card-plastic", "card-blocked", "card-blocked", "card-plastic"],
    ),
    (
        "active",
        CardKind::Plastic,
        ["valid", "ok", "bare", "card-plastic", "ok", "card-plastic", "card-plastic"],
    ),
    (
        "blocked",
        CardKind::Plastic,
        ["blocked", "card-blocked", "none", "card-plastic", "card-blocked", "card-blocked", "card-plastic"],
    ),
];

#[test]
fn each_state_times_each_use() {
    let AppleShop { shop, .. } = &AppleShop::open();
    let mut wrong = Vec::new();
    for (place, (state, kind, expected)) in TABLE.iter().enumerate() {
        let number = format!("2{place:03}");
        let owner = holder(&shop.server, &number);
        shop.give(&owner, "500.00");
        let me = shop.server.as_member(&number);
        let card = card_in(shop, &owner, state, *kind);
        // Purchases tell whole seconds.
        shop.server.clock.advance(TimeDelta::seconds(2));
        let got = uses(shop, &me, &card, place);
        for ((column, got), expected) in COLUMNS.iter().zip(&got).zip(expected) {
            if *expected != "none" && got != expected {
                wrong.push(format!("{kind} {state}: {column} is {got}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Brings a card of the holder's into a state.
fn card_in(shop: &Shop, owner: &crate::shop::Holder, state: &str, kind: CardKind) -> Card {
    let (app, c) = (&shop.server.app, &mut shop.server.connect());
    let (issuer, now) = (&app.derived.issuer, app.now());
    let card = match (kind, state) {
        (CardKind::Virtual, "family") => {
            let relation = Some(cards::Relation::Child);
            let new = NewCard { relation, ..NewCard::own(owner.member, kind, Some("test")) };
            cards::order(c, issuer, &new, now).unwrap()
        }
        (CardKind::Virtual, _) => owner.card.clone(),
        (CardKind::Plastic, _) => cards::issue(c, issuer, owner.member, kind, now).unwrap(),
    };
    let why = |reason| Block { reason, by: "test".to_owned(), comment: None };
    let advance = |c: &mut _, to| life::advance(c, card.id, to, "test", now).unwrap();
    if kind == CardKind::Plastic && state != "ordered" {
        advance(c, CardStatus::Issued);
        if state != "issued" {
            advance(c, CardStatus::Active);
        }
    }
    let today = now.date_naive();
    match state {
        "blocked" => drop(life::block(c, card.id, &why(BlockReason::Stolen), now).unwrap()),
        "reissued" => drop(life::reissue(c, issuer, card.id, &why(BlockReason::Replaced), now).unwrap()),
        "expired" => {
            use card_issuer::schema::cards::cards as table;
            let past = today - TimeDelta::days(2);
            diesel::update(table::table.find(card.id)).set(table::expires_on.eq(past)).execute(c).unwrap();
        }
        "suspended" => memberships::suspend(c, owner.member, today, now).unwrap(),
        "left" => {
            memberships::leave(c, owner.member, today, "left", now).unwrap();
            life::block_all(c, owner.member, &why(BlockReason::Left), now).unwrap();
        }
        "transferred" => {
            shop.server.organisation("P-9", harness::builders::ROOT);
            let to = organisations::by_code(c, "P-9").unwrap().unwrap().organisation.id;
            memberships::transfer(c, owner.member, to, today, now).unwrap();
        }
        _ => {}
    }
    cards::find(c, card.id).unwrap()
}

fn uses(shop: &Shop, me: &Client, card: &Card, place: usize) -> [String; 7] {
    let number = card.number.as_str();
    let told = |answer: harness::Answer| match answer.status {
        200 | 201 => "ok".to_owned(),
        _ => crate::shop::slug(&answer.json()).to_owned(),
    };
    let resolved =
        shop.program.post("/v1/cards/resolve", &json!({ "card_number": number })).expect(200).json();
    let sale = |name: &str, value: &str, part: &str| {
        shop.sale((name, value), &format!("S-{place}-{part}"), "100.00")
    };
    let earned = shop.program.post("/v1/purchases", &sale("card_number", number, "e"));
    let earned = if earned.status == 201 {
        let amount = earned.json()["cashback"]["amount"].clone();
        if amount == "5.00" { "ok".to_owned() } else { format!("{amount}") }
    } else {
        told(earned)
    };
    let path = format!("/v1/me/cards/{}", card.id);
    let (code, proof) = (told(me.get(&format!("{path}/code"))), told(me.get(&format!("{path}/proof"))));
    let device = told(me.post("/v1/me/devices", &json!({ "card": card.id })));
    [
        resolved["status"].as_str().unwrap().to_owned(),
        earned,
        redeemed(shop, card, place),
        code,
        proof,
        device,
        told(me.get(&format!("{path}/apple.pkpass"))),
    ]
}

/// Redeems with a live code where the card has a device that draws one, with the bare number where it has none.
fn redeemed(shop: &Shop, card: &Card, place: usize) -> String {
    let (app, c) = (&shop.server.app, &mut shop.server.connect());
    shop.server.clock.advance(TimeDelta::seconds(30));
    let drawn = card_issuer::devices::draw(c, &app.derived.issuer, card.id, app.now());
    let live = drawn.is_ok();
    let shown = drawn.map_or(("card_number", card.number.as_str().to_owned()), |code| ("code", code.value));
    let mut sale = shop.sale((shown.0, &shown.1), &format!("S-{place}-r"), "100.00");
    sale["redeem"] = json!("10.00");
    let answer = shop.program.post("/v1/purchases", &sale);
    match (answer.status, live) {
        (201, true) => "ok".to_owned(),
        (422, false) if answer.json()["errors"][0]["pointer"] == "#/redeem" => "bare".to_owned(),
        _ => crate::shop::slug(&answer.json()).to_owned(),
    }
}
