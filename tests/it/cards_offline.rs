//! Without network: phones that draw codes by themselves, proofs a till checks with the published keys, and the feed of
//! what it must refuse all the same.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use card_issuer::code::{DeviceSecret, live_code};
use card_issuer::life::{self, Block, BlockReason};
use card_issuer::number::CardNumber;
use chrono::{DateTime, TimeDelta, Utc};
use harness::Client;
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use unioncard::auth::Role;

use crate::shop::{Holder, Shop, column, stamp};

/// What a phone draws with what it was given.
fn drawn(device: &Value, now: DateTime<Utc>) -> String {
    let bytes: [u8; 20] =
        URL_SAFE_NO_PAD.decode(device["secret"].as_str().unwrap()).unwrap().try_into().unwrap();
    let number = CardNumber::parse(device["number"].as_str().unwrap()).unwrap();
    live_code(&DeviceSecret::new(bytes.into()), number, now).value
}

fn add_device(me: &Client, holder: &Holder, name: &str) -> Value {
    me.post("/v1/me/devices", &json!({ "card": holder.card.id, "name": name })).expect(201).json()
}

fn resolve(shop: &Shop, code: &str) -> harness::Answer {
    shop.program.post("/v1/cards/resolve", &json!({ "code": code }))
}

#[test]
fn a_phone_draws_codes_by_itself_until_it_is_revoked() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let phone = add_device(&me, &anna, "Телефон");
    assert_eq!(
        (&phone["algorithm"], &phone["digits"], &phone["period_seconds"]),
        (&json!("SHA1"), &json!(8), &json!(30))
    );
    let code = drawn(&phone, shop.server.app.now());
    assert_eq!(resolve(&shop, &code).expect(200).json()["may_redeem"], true);
    let sale = shop.sale(("code", &code), "R-1", "100.00");
    shop.program.post("/v1/purchases", &sale).expect(201);
    assert_eq!(resolve(&shop, &code).problem(409), "code-used", "a screenshot of a used code");
    shop.server.clock.advance(TimeDelta::minutes(5));
    assert_eq!(resolve(&shop, &code).problem(409), "code-used", "also once its time is over");
    let ahead = drawn(&phone, shop.server.app.now() + TimeDelta::minutes(3));
    assert_eq!(resolve(&shop, &ahead).problem(422), "code-clock", "the phone's clock is ahead");

    let listed = me.get("/v1/me/devices").expect(200).json();
    assert_eq!(column(&listed["items"], "name"), ["Телефон"]);
    assert!(listed["items"][0]["last_used_at"].is_string() && listed["items"][0].get("secret").is_none());
    let path = format!("/v1/me/devices/{}", phone["id"].as_str().unwrap());
    shop.holder("1002");
    let other = shop.server.as_member("1002");
    assert_eq!(other.delete(&path).problem(404), "not-found");
    let theirs = other.post("/v1/me/devices", &json!({ "card": anna.card.id }));
    assert_eq!(theirs.problem(404), "not-found");
    me.delete(&path).expect(204);
    assert_eq!(me.delete(&path).problem(404), "not-found");
    shop.server.clock.advance(TimeDelta::seconds(30));
    assert_eq!(resolve(&shop, &drawn(&phone, shop.server.app.now())).problem(422), "code-wrong");
    resolve(&shop, &shop.code(&anna)).expect(200);
}

#[test]
fn a_secret_told_once_is_told_again_to_the_same_key_and_lies_sealed() {
    use diesel::prelude::*;
    use shared_kernel::schema::platform::idempotency_keys as kept;
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001").with("idempotency-key", "k-1");
    let first = add_device(&me, &anna, "a");
    assert_eq!(add_device(&me, &anna, "a"), first);
    let bodies: Vec<Option<Vec<u8>>> =
        kept::table.select(kept::body).load(&mut shop.server.connect()).unwrap();
    let secret = first["secret"].as_str().unwrap().as_bytes();
    assert_eq!(bodies.len(), 1);
    assert!(bodies.iter().flatten().all(|body| !body.windows(secret.len()).any(|part| part == secret)));
    let plain = shop.server.as_member("1001");
    for _ in 0..6 {
        add_device(&plain, &anna, "b");
    }
    let ninth = plain.post("/v1/me/devices", &json!({ "card": anna.card.id }));
    assert_eq!(ninth.problem(409), "too-many-devices", "the server is one of eight");
}

/// A till of any make: 192 digits → 78 bytes, checked with a key of the published set; number, issued and valid until.
fn checked(client: &Client, proof: &str) -> Option<(String, i64, i64)> {
    let bytes: Vec<u8> = proof
        .as_bytes()
        .chunks(32)
        .flat_map(|group| {
            let value: u128 = std::str::from_utf8(group).unwrap().parse().unwrap();
            value.to_be_bytes()[3..].to_vec()
        })
        .collect();
    let (body, signature) = bytes.split_at(14);
    let keys = client.get("/.well-known/jwks.json").expect(200).json();
    let kid = format!("proof-{:03}", body[1]);
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid)?.clone();
    let key = DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
    let message = [b"unioncard proof 1\0".as_slice(), body].concat();
    let signature = URL_SAFE_NO_PAD.encode(signature);
    let algorithm = jsonwebtoken::Algorithm::EdDSA;
    if !jsonwebtoken::crypto::verify(&signature, &message, &key, algorithm).unwrap() {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0_i64, |value, byte| value << 8 | i64::from(*byte));
    let issued = number(&body[7..11]);
    (body[0] == 1 && body[13] == 1)
        .then(|| (format!("{:011}", number(&body[2..7])), issued, issued + 60 * number(&body[11..13])))
}

#[test]
fn a_proof_is_checked_with_the_published_keys_and_says_nothing_of_the_person() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let given = me.get(&format!("/v1/me/cards/{}/proof", anna.card.id)).expect(200).json();
    let value = given["value"].as_str().unwrap();
    let (account, issued, until) = checked(&shop.server.client(), value).unwrap();
    assert_eq!(anna.card.number.as_str()[4..15], account);
    assert!((0..60).contains(&(shop.server.app.now().timestamp() - issued)));
    assert_eq!(until - issued, 24 * 3_600);
    assert_eq!(given["valid_until"], stamp(DateTime::from_timestamp(until, 0).unwrap()));
    let tampered = format!("{}{}", &value[..190], if value.ends_with("00") { "01" } else { "00" });
    assert_eq!(checked(&shop.server.client(), &tampered), None);
    for (proof, slug) in [(tampered.as_str(), "code-wrong"), ("123", "code-invalid"), ("", "code-invalid")] {
        let refused = shop.program.post("/v1/cards/resolve", &json!({ "proof": proof }));
        assert_eq!(refused.problem(422), slug);
    }
}

#[test]
fn a_proof_earns_as_of_its_moment_and_never_redeems() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "100.00");
    let me = shop.server.as_member("1001");
    let proof = me.get(&format!("/v1/me/cards/{}/proof", anna.card.id)).expect(200).json();
    let proof = proof["value"].as_str().unwrap();
    let resolved = shop.program.post("/v1/cards/resolve", &json!({ "proof": proof })).expect(200).json();
    assert_eq!((&resolved["status"], &resolved["may_redeem"]), (&json!("valid"), &json!(false)));
    assert!(resolved.get("available").is_none());
    let mut sale = shop.sale(("proof", proof), "R-1", "100.00");
    assert_eq!(
        shop.program.post("/v1/purchases/quote", &sale).expect(200).json()["cashback"]["amount"],
        "5.00"
    );
    sale["redeem"] = json!("1.00");
    assert_eq!(shop.program.post("/v1/purchases", &sale).json()["errors"][0]["pointer"], "#/redeem");

    let bought_at = shop.server.app.now();
    let queued = shop.sale(("proof", proof), "R-2", "200.00");
    shop.server.clock.advance(TimeDelta::minutes(30));
    let block = Block { reason: BlockReason::Lost, by: "test".to_owned(), comment: None };
    life::block(&mut shop.server.connect(), anna.card.id, &block, shop.server.app.now()).unwrap();
    shop.server.clock.advance(TimeDelta::minutes(1));
    let late = shop.sale(("proof", proof), "R-3", "200.00");
    shop.server.clock.advance(TimeDelta::days(2));
    let program = shop.server.as_partner(&shop.partner);
    let posted = program.post("/v1/purchases", &queued).expect(201).json();
    assert_eq!(posted["cashback"]["amount"], "10.00", "it was good then: {bought_at}");
    assert!(posted.get("balance").is_none());
    assert_eq!(program.post("/v1/purchases", &queued).expect(200).json()["id"], posted["id"], "sent twice");
    assert_eq!(program.post("/v1/purchases", &late).problem(409), "card-blocked", "blocked by then");
    let mut beyond = late.clone();
    (beyond["receipt"], beyond["occurred_at"]) =
        (json!("R-4"), json!(stamp(bought_at + TimeDelta::hours(25))));
    assert_eq!(
        program.post("/v1/purchases", &beyond).problem(422),
        "code-expired",
        "a proof of the day before"
    );
    let now = program.post("/v1/cards/resolve", &json!({ "proof": proof }));
    assert_eq!(now.problem(422), "code-expired");
}

#[test]
fn tills_keep_up_with_revoked_cards() {
    let shop = Shop::open();
    let (anna, olga) = (shop.holder("1001"), shop.holder("1002"));
    let feed = |after: Option<&str>| {
        let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
        shop.program.get(&format!("/v1/cards/revocations{query}")).expect(200).json()
    };
    let empty = feed(None);
    assert_eq!(empty["items"], json!([]));
    let me = shop.server.as_member("1001");
    me.post(&format!("/v1/me/cards/{}/block", anna.card.id), &json!({ "reason": "stolen" })).expect(200);
    let first = feed(empty["next"].as_str());
    let digest = |holder: &Holder| {
        let text = [b"unioncard revocation 1\0".as_slice(), holder.card.number.as_str().as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..12])
    };
    assert_eq!(column(&first["items"], "card"), [&json!(digest(&anna))]);
    assert_eq!(column(&first["items"], "revoked"), [true]);
    assert_eq!(feed(first["next"].as_str())["items"], json!([]), "only what is new");
    let registrar = shop.server.as_staff(Role::Registrar, Some(harness::builders::ROOT));
    let today = (shop.server.app.now() + TimeDelta::hours(3)).date_naive();
    for verb in ["suspend", "resume"] {
        let path = format!("/v1/members/{}/{verb}", olga.member);
        registrar.post(&path, &json!({ "on": today, "reason": "взносы" })).expect(200);
    }
    let then = feed(first["next"].as_str());
    assert_eq!(column(&then["items"], "card"), [&json!(digest(&olga)), &json!(digest(&olga))]);
    assert_eq!(column(&then["items"], "revoked"), [true, false], "a suspension and its end");
    assert_eq!(feed(None)["items"].as_array().unwrap().len(), 3, "a till that starts");
    assert_eq!(shop.program.get("/v1/cards/revocations?after=x.y").problem(422), "invalid");
    shop.server.clock.advance(TimeDelta::hours(26));
    let program = shop.server.as_partner(&shop.partner);
    assert_eq!(
        program.get("/v1/cards/revocations").expect(200).json()["items"],
        json!([]),
        "no proof lives so long"
    );
}
