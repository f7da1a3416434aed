//! Each state of a card × each use of it, in one table.

use card_issuer::cards::{self, Card, CardKind, NewCard};
use card_issuer::life::{self, Block, BlockReason, CardStatus};
use chrono::TimeDelta;
use diesel::prelude::*;
use harness::Client;
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::apple_support::AppleShop;
use crate::shop::{Holder, Shop, holder};

/// What a use of a card is answered with: `ok` for 200 or 201, or the problem's slug.
type Uses = [&'static str; 9];

/// The uses, in the order of the columns. `resolve` tells the card's status; `plastic` is, for a card in the phone,
/// ordering a plastic one beside it, and for a plastic one its way through a batch into a hand.
const COLUMNS: Uses = ["resolve", "earn", "redeem", "code", "proof", "device", "plastic", "apple", "google"];

/// What every use of a blocked card is answered with.
const BLOCKED: &str = "card-blocked";
/// And of an expired one.
const EXPIRED: &str = "card-expired";
/// Live codes of plastic.
const NO_CODE: &str = "card-plastic";

/// A card in a state, and what each use of it brings.
const TABLE: &[(&str, CardKind, Uses)] = &[
    ("active", CardKind::Virtual, ["valid", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok"]),
    (
        "blocked",
        CardKind::Virtual,
        ["blocked", BLOCKED, BLOCKED, BLOCKED, BLOCKED, BLOCKED, "ok", BLOCKED, BLOCKED],
    ),
    (
        "reissued",
        CardKind::Virtual,
        ["blocked", BLOCKED, BLOCKED, BLOCKED, BLOCKED, BLOCKED, "ok", BLOCKED, BLOCKED],
    ),
    (
        "expired",
        CardKind::Virtual,
        ["expired", EXPIRED, EXPIRED, EXPIRED, EXPIRED, EXPIRED, "ok", EXPIRED, EXPIRED],
    ),
    (
        "renewed",
        CardKind::Virtual,
        ["blocked", BLOCKED, BLOCKED, BLOCKED, BLOCKED, BLOCKED, "ok", BLOCKED, BLOCKED],
    ),
    (
        "suspended",
        CardKind::Virtual,
        ["blocked", BLOCKED, BLOCKED, BLOCKED, BLOCKED, BLOCKED, "member-not-active", BLOCKED, BLOCKED],
    ),
    ("resumed", CardKind::Virtual, ["valid", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok"]),
    (
        "left",
        CardKind::Virtual,
        ["blocked", BLOCKED, BLOCKED, BLOCKED, BLOCKED, BLOCKED, "member-not-active", BLOCKED, BLOCKED],
    ),
    (
        "readmitted",
        CardKind::Virtual,
        ["blocked", BLOCKED, BLOCKED, BLOCKED, BLOCKED, BLOCKED, "ok", BLOCKED, BLOCKED],
    ),
    (
        "merged",
        CardKind::Virtual,
        [
            "blocked",
            BLOCKED,
            BLOCKED,
            "unauthenticated",
            "unauthenticated",
            "unauthenticated",
            "unauthenticated",
            "unauthenticated",
            "unauthenticated",
        ],
    ),
    ("transferred", CardKind::Virtual, ["valid", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok"]),
    ("family", CardKind::Virtual, ["valid", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok"]),
    (
        "ordered",
        CardKind::Plastic,
        ["blocked", BLOCKED, BLOCKED, NO_CODE, BLOCKED, BLOCKED, "handed out", NO_CODE, NO_CODE],
    ),
    (
        "issued",
        CardKind::Plastic,
        ["blocked", BLOCKED, BLOCKED, NO_CODE, BLOCKED, BLOCKED, "handed out", NO_CODE, NO_CODE],
    ),
    (
        "active",
        CardKind::Plastic,
        ["valid", "ok", "bare", NO_CODE, "ok", NO_CODE, "not printed", NO_CODE, NO_CODE],
    ),
    (
        "blocked",
        CardKind::Plastic,
        ["blocked", BLOCKED, BLOCKED, NO_CODE, BLOCKED, BLOCKED, "not printed", NO_CODE, NO_CODE],
    ),
    (
        "reissued",
        CardKind::Plastic,
        ["blocked", BLOCKED, BLOCKED, NO_CODE, BLOCKED, BLOCKED, "not printed", NO_CODE, NO_CODE],
    ),
    (
        "expired",
        CardKind::Plastic,
        ["expired", EXPIRED, EXPIRED, NO_CODE, EXPIRED, EXPIRED, "not printed", NO_CODE, NO_CODE],
    ),
    (
        "suspended",
        CardKind::Plastic,
        ["blocked", BLOCKED, BLOCKED, NO_CODE, BLOCKED, BLOCKED, "not printed", NO_CODE, NO_CODE],
    ),
    (
        "waiting",
        CardKind::Plastic,
        ["blocked", BLOCKED, BLOCKED, NO_CODE, BLOCKED, BLOCKED, "not printed", NO_CODE, NO_CODE],
    ),
    (
        "left",
        CardKind::Plastic,
        ["blocked", BLOCKED, BLOCKED, NO_CODE, BLOCKED, BLOCKED, "not printed", NO_CODE, NO_CODE],
    ),
];

#[test]
fn each_state_times_each_use() {
    let google = harness::google::google();
    let settings = google.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let AppleShop { shop, .. } = &AppleShop::with(&settings);
    let office = shop.server.as_staff(Role::Administrator, None);
    let mut wrong = Vec::new();
    for (place, (state, kind, expected)) in TABLE.iter().enumerate() {
        let number = format!("2{place:03}");
        let owner = holder(&shop.server, &number);
        shop.give(&owner, "500.00");
        let me = shop.server.as_member(&number);
        let card = card_in(shop, &office, &owner, (state, *kind));
        // Purchases tell whole seconds.
        shop.server.clock.advance(TimeDelta::seconds(2));
        let got = uses(shop, (&me, &office), &card, place);
        renewed(&me, &card);
        for ((column, got), expected) in COLUMNS.iter().zip(&got).zip(expected) {
            if got != expected {
                wrong.push(format!("{kind} {state}: {column} is {got}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Brings a card of the holder's into a state: what a registrar does to its holder, through the office's routes.
fn card_in(shop: &Shop, office: &Client, owner: &Holder, (state, kind): (&str, CardKind)) -> Card {
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
    if kind == CardKind::Plastic && !["ordered", "waiting"].contains(&state) {
        advance(c, CardStatus::Issued);
        if state != "issued" {
            advance(c, CardStatus::Active);
        }
    }
    let expire = |c: &mut _| {
        use card_issuer::schema::cards::cards as table;
        let past = now.date_naive() - TimeDelta::days(2);
        diesel::update(table::table.find(card.id)).set(table::expires_on.eq(past)).execute(c).unwrap();
    };
    let today = (now + TimeDelta::hours(3)).date_naive();
    let act = |verb: &str, body: Value| {
        let path = format!("/v1/members/{}/{verb}", owner.member);
        office.post(&path, &body).expect(200);
    };
    let said = json!({ "on": today, "reason": "решение" });
    match state {
        "blocked" => drop(life::block(c, card.id, &why(BlockReason::Stolen), now).unwrap()),
        "reissued" => drop(life::reissue(c, issuer, card.id, &why(BlockReason::Replaced), now).unwrap()),
        "expired" => expire(c),
        "renewed" => {
            expire(c);
            life::reissue(c, issuer, card.id, &why(BlockReason::Replaced), now).unwrap();
        }
        "suspended" | "waiting" => act("suspend", said),
        "resumed" => {
            act("suspend", said.clone());
            act("resume", said);
        }
        "left" => act("leave", said),
        "readmitted" => {
            act("leave", said);
            act("readmit", json!({ "on": today, "organisation": harness::builders::ROOT, "reason": "x" }));
        }
        "merged" => {
            let survivor = holder(&shop.server, &format!("{}9", owner.number));
            act("merge", json!({ "into": survivor.member, "dry": false }));
        }
        "transferred" => {
            shop.server.organisation("P-9", harness::builders::ROOT);
            act("transfer", json!({ "on": today, "organisation": "P-9" }));
        }
        _ => {}
    }
    cards::find(c, card.id).unwrap()
}

fn uses(shop: &Shop, (me, office): (&Client, &Client), card: &Card, place: usize) -> [String; 9] {
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
    let apple = told(me.get(&format!("{path}/apple.pkpass")));
    let google = told(me.get(&format!("{path}/google")));
    let listed = me.get("/v1/me/cards?limit=200").json();
    let id = card.id.to_string();
    let offered = listed["items"].as_array().is_some_and(|items| {
        items.iter().any(|item| item["id"] == id.as_str() && item["wallets"] == json!(["apple", "google"]))
    });
    assert_eq!(offered, apple == "ok" && google == "ok", "what the list offers is what one gets: {listed}");
    let redeemed = redeemed(shop, card, place);
    let plastic = match card.kind {
        CardKind::Virtual => told(me.post("/v1/me/cards", &json!({ "kind": "plastic" }))),
        CardKind::Plastic => printed(office, card),
    };
    [
        resolved["status"].as_str().unwrap().to_owned(),
        earned,
        redeemed,
        code,
        proof,
        device,
        plastic,
        apple,
        google,
    ]
}

/// What the list says of another card in the place of one that has ended is what its member gets.
fn renewed(me: &Client, card: &Card) {
    let listed = me.get("/v1/me/cards?limit=200").json();
    let id = card.id.to_string();
    let Some(item) = listed["items"].as_array().into_iter().flatten().find(|item| item["id"] == id.as_str())
    else {
        return;
    };
    let ended = item["status"] == "blocked" || item["status"] == "expired";
    if ended && card.kind == CardKind::Virtual && card.relation.is_none() {
        let answer = me.post(&format!("/v1/me/cards/{id}/reissue"), &json!({ "reason": "replaced" }));
        assert_eq!(item["renewable"] == true, answer.status == 201, "{listed}: {}", answer.text());
    }
}

/// Makes a batch of all that waits and, should the card be in it, takes it through the plant into its holder's hand.
fn printed(office: &Client, card: &Card) -> String {
    let made = office.post("/v1/print-batches", &json!({ "organisation": harness::builders::ROOT }));
    if made.status != 201 {
        assert_eq!(made.problem(409), "nothing-to-print");
        return "not printed".to_owned();
    }
    let batch = format!("/v1/print-batches/{}", made.json()["id"].as_str().unwrap());
    let cards = office.get(&format!("{batch}/cards?limit=200")).expect(200).json();
    let id = card.id.to_string();
    if !cards["items"].as_array().unwrap().iter().any(|item| item["id"] == id.as_str()) {
        return "not printed".to_owned();
    }
    for step in ["send", "receive"] {
        office.post(&format!("{batch}/{step}"), &json!({})).expect(200);
    }
    office.post(&format!("{batch}/hand-out"), &json!({ "cards": [id] })).expect(200);
    let record = office.get(&format!("/v1/cards/{}", card.id)).expect(200).json();
    assert_eq!(record["status"], "active");
    "handed out".to_owned()
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
