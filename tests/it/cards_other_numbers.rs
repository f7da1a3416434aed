//! The other numbers a card answers to: those of older systems, brought in from a file, and EAN-13; and the pictures of
//! bars, read back by a scanner's program.

use card_issuer::bulk::{self, Announce};
use card_issuer::cards::CardKind;
use card_issuer::schema::cards::cards as table;
use chrono::TimeDelta;
use diesel::prelude::*;
use harness::{Client, TestServer};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::registers_http::{finished, upload};
use crate::shop::{Holder, Shop, column};

fn bring_in(client: &Client, file: &str) -> (String, Value) {
    let taken =
        upload(client, "/v1/imports", &[("kind", "aliases")], "numbers.csv", file.as_bytes()).expect(202);
    let path = format!("/v1/imports/{}", taken.json()["id"].as_str().unwrap());
    let report = finished(client, &path);
    (path, report)
}

fn counts(report: &Value) -> [u64; 4] {
    ["read", "created", "unchanged", "rejected"].map(|name| report[name].as_u64().unwrap())
}

fn registrar(server: &TestServer) -> Client {
    server.as_staff(Role::Registrar, Some(harness::builders::ROOT))
}

#[test]
fn numbers_of_an_older_system_find_their_card_where_they_are_unambiguous() {
    let shop = Shop::open();
    let (anna, olga) = (shop.holder("1001"), shop.holder("1002"));
    let office = registrar(&shop.server);
    let file = "alias;membership_number\nпсб-00123;1001\n777;1001\n777;1002\n4111111111111111;1002\n\
                ПСБ-00123;1001\n;1001\nX-1;9999\n9643000000000004;1001\n";
    let (path, report) = bring_in(&office, file);
    assert_eq!(report["status"], "done", "{report}");
    assert_eq!(counts(&report), [8, 4, 1, 3]);
    assert_eq!(report["reasons"], json!({ "invalid_alias": 2, "unknown_member": 1 }));
    let rejected = office.get(&format!("{path}/rejected")).expect(200).json();
    assert_eq!(column(&rejected["items"], "line"), [7, 9, 8]);
    let (_, again) = bring_in(&office, file);
    assert_eq!(counts(&again), [8, 0, 5, 3], "the same file again changes nothing");
    let wrong = bring_in(&office, "alias;card\na;b\n").1;
    assert_eq!(wrong["status"], "failed");

    let resolve = |number: &str| shop.program.post("/v1/cards/resolve", &json!({ "card_number": number }));
    assert_eq!(resolve(" Псб-00123 ").expect(200).json()["status"], "valid");
    assert_eq!(resolve("4111111111111111").expect(200).json()["status"], "valid");
    let ambiguous = resolve("777");
    assert!(ambiguous.json()["detail"].as_str().unwrap().starts_with("several cards"));
    assert_eq!(ambiguous.problem(404), "card-unknown");
    assert_eq!(resolve("no-such-number").problem(422), "code-invalid");
    let sale = shop.sale(("card_number", "псб-00123"), "R-1", "100.00");
    let posted = shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!(posted["cashback"]["amount"], "5.00");
    assert_eq!(shop.program.post("/v1/purchases", &sale).expect(200).json()["id"], posted["id"]);

    let found =
        |number: &str| office.get(&format!("/v1/cards?number={number}")).expect(200).json()["items"].clone();
    let both = found("777");
    let mut owners = column(&both, "member");
    owners.sort_by_key(|id| id.to_string());
    assert_eq!(owners, [&json!(anna.member), &json!(olga.member)], "a person who looks sees both");
    let record = office.get(&format!("/v1/cards/{}", anna.card.id)).expect(200).json();
    assert_eq!(record["aliases"], json!(["777", "ПСБ-00123"]));
    let me = shop.server.as_member("1001");
    let reissue = format!("/v1/me/cards/{}/reissue", anna.card.id);
    let new = me.post(&reissue, &json!({ "reason": "lost" })).expect(201).json();
    assert_eq!(
        found("%D0%9F%D0%A1%D0%91-00123")[0]["id"],
        new["id"],
        "the old system's card goes on working"
    );
    let aliases = format!("/v1/cards/{}/aliases", new["id"].as_str().unwrap());
    office.delete(&format!("{aliases}?alias=777")).expect(204);
    assert_eq!(office.delete(&format!("{aliases}?alias=777")).problem(404), "not-found");
    assert_eq!(resolve("777").expect(200).json()["status"], "valid", "unambiguous now");
    let added = office.post(&aliases, &json!({ "alias": "A 1" })).expect(201).json();
    assert_eq!(added["aliases"], json!(["A 1", "ПСБ-00123"]));
}

#[test]
fn numbers_of_an_older_system_follow_their_member_to_another_card() {
    let shop = Shop::open();
    let holders = ["1001", "1002", "1003", "1004", "1005"].map(|number| shop.holder(number));
    let [back, blocked, expired, double, survivor] = &holders;
    let office = shop.server.as_staff(Role::Administrator, None);
    let file = "alias;membership_number\nA-1;1001\nA-2;1002\nA-3;1003\nA-4;1004\n";
    assert_eq!(counts(&bring_in(&office, file).1), [4, 4, 0, 0]);
    let today = (shop.server.app.now() + TimeDelta::hours(3)).date_naive();
    let path = |holder: &Holder, verb: &str| format!("/v1/members/{}/{verb}", holder.member);
    let said = |more: Value| {
        let mut body = json!({ "on": today, "reason": "решение" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };

    office.post(&path(back, "leave"), &said(json!({}))).expect(200);
    let home = json!({ "organisation": harness::builders::ROOT });
    office.post(&path(back, "readmit"), &said(home)).expect(200);
    let block = format!("/v1/cards/{}/block", blocked.card.id);
    office.post(&block, &json!({ "reason": "lost" })).expect(200);
    let standing = |alias: &str| {
        let shown = json!({ "card_number": alias });
        shop.program.post("/v1/cards/resolve", &shown).expect(200).json()["status"].clone()
    };
    assert_eq!(standing("A-2"), "blocked", "until there is another card");
    let new = json!({ "member": blocked.member, "kind": "virtual" });
    office.post("/v1/cards", &new).expect(201);
    let (c, issuer) = (&mut shop.server.connect(), &shop.server.app.derived.issuer);
    let past = shop.server.app.now().date_naive() - TimeDelta::days(2);
    diesel::update(table::table.find(expired.card.id)).set(table::expires_on.eq(past)).execute(c).unwrap();
    let kind = (CardKind::Virtual, Announce::Nothing);
    let issued = bulk::issue_missing(c, issuer, kind, &[expired.member], shop.server.app.now()).unwrap();
    assert_eq!(issued.issued, 1);
    office.post(&path(double, "merge"), &json!({ "into": survivor.member, "dry": false })).expect(200);

    for (place, (alias, holder)) in ["A-1", "A-2", "A-3", "A-4"].iter().zip(&holders).enumerate() {
        assert_eq!(standing(alias), "valid", "{alias}");
        let found = office.get(&format!("/v1/cards?number={alias}")).expect(200).json();
        let member = if holder.number == double.number { survivor.member } else { holder.member };
        assert_eq!(column(&found["items"], "member"), [&json!(member)], "{alias}");
        let sale = shop.sale(("card_number", alias), &format!("R-{place}"), "100.00");
        let posted = shop.program.post("/v1/purchases", &sale).expect(201).json();
        assert_eq!(posted["cashback"]["amount"], "5.00", "{alias}");
    }
    // The double's number is nobody's by now, and the others have what the file says.
    assert_eq!(counts(&bring_in(&office, file).1)[..2], [4, 0]);
    assert_eq!(standing("A-1"), "valid", "the same file again doesn't give it to two");
}

#[test]
fn a_register_may_name_cards_by_any_of_their_numbers() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let file = format!(
        "outlet,receipt,occurred_at,card_number,amount,category,kind,reference\n\
         market-1,E-1,{0},{1},100.00,,sale,\nmarket-1,E-2,{0},{2},100.00,,sale,\n",
        shop.now(),
        anna.card.number.ean13(),
        anna.card.number
    );
    let taken =
        upload(&shop.program, "/v1/registers", &[("mode", "post")], "r.csv", file.as_bytes()).expect(202);
    let path = format!("/v1/registers/{}", taken.json()["id"].as_str().unwrap());
    let report = finished(&shop.program, &path);
    assert_eq!(report["outcomes"]["posted"], 2, "{report}");
}

#[test]
fn bars_are_read_back_and_earn() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let folder = tempfile::tempdir().unwrap();
    for (kind, says) in
        [("code128", anna.card.number.as_str().to_owned()), ("ean13", anna.card.number.ean13())]
    {
        let path = format!("/v1/me/cards/{}/barcode.svg?kind={kind}", anna.card.id);
        let answer = me.get(&path).expect(200);
        assert_eq!(answer.header("content-type"), "image/svg+xml");
        assert_eq!(answer.header("x-barcode-text"), says);
        let picture = folder.path().join(format!("{kind}.pgm"));
        std::fs::write(&picture, drawn(&answer.text())).unwrap();
        let read = std::process::Command::new("zbarimg")
            .args(["--quiet", "--raw", "-Sdisable", "-Scode128.enable", "-Sean13.enable"])
            .arg(&picture)
            .output()
            .expect("zbar-tools is installed");
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), says, "{kind}");
        let resolved =
            shop.program.post("/v1/cards/resolve", &json!({ "card_number": says })).expect(200).json();
        assert_eq!((&resolved["status"], &resolved["may_redeem"]), (&json!("valid"), &json!(false)));
    }
    let typo = format!("{}{}", &anna.card.number.ean13()[..12], "x");
    assert_eq!(
        shop.program.post("/v1/cards/resolve", &json!({ "card_number": typo })).problem(422),
        "code-invalid"
    );
    let other = me.get(&format!("/v1/me/cards/{}/barcode.svg?kind=qr", anna.card.id));
    assert!(other.status == 400 || other.status == 422);
}

/// The bars of one of our SVGs as a picture of three pixels a module.
fn drawn(svg: &str) -> Vec<u8> {
    const SCALE: usize = 3;
    let number = |text: &str| text.parse::<usize>().unwrap();
    let width = number(svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap());
    let path = svg.split(" d=\"").nth(2).unwrap().split('"').next().unwrap();
    let mut row = vec![255_u8; width * SCALE];
    for run in path.split('M').filter(|run| !run.is_empty()) {
        let (x, rest) = run.split_once(" 0h").unwrap();
        let (x, length) = (number(x), number(rest.split_once('v').unwrap().0));
        row[x * SCALE..(x + length) * SCALE].fill(0);
    }
    let mut picture = format!("P5 {} 150 255\n", width * SCALE).into_bytes();
    (0..150).for_each(|_| picture.extend_from_slice(&row));
    picture
}
