//! A card in Google Wallet: its codes are live codes like any other's, it shows what is true, and it says nothing of whose
//! it is.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use harness::builders::ROOT;
use harness::google::{EMAIL, Google, ISSUER, google};
use harness::server::server_with;
use harness::{Answer, Client};
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Holder, Shop, slug};

/// A shop whose server puts cards at Google's stand-in.
fn shop_at(google: &Google, more: &[(&'static str, &str)]) -> Shop {
    let own = google.settings();
    let settings: Vec<(&str, &str)> =
        own.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    Shop::over(server_with(&settings))
}

fn ask(me: &Client, holder: &Holder) -> Answer {
    me.get(&format!("/v1/me/cards/{}/google", holder.card.id))
}

/// What the phone shows at a moment, as Google documents it, with somebody else's HMAC.
fn drawn(object: &Value, at: DateTime<Utc>) -> String {
    let barcode = &object["rotatingBarcode"];
    let details = &barcode["totpDetails"];
    assert_eq!(details["algorithm"], "TOTP_SHA1");
    let period: i64 = details["periodMillis"].as_str().unwrap().parse().unwrap();
    let step = at.timestamp_millis() / period;
    let parameter = &details["parameters"][0];
    let key = format!("hexkey:{}", parameter["key"].as_str().unwrap());
    let mut running = Command::new("openssl")
        .args(["dgst", "-sha1", "-mac", "HMAC", "-macopt", &key, "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    running.stdin.take().unwrap().write_all(&step.to_be_bytes()).unwrap();
    let mac = running.wait_with_output().unwrap().stdout;
    let from = usize::from(mac[19] & 0x0f);
    let word = u32::from_be_bytes([mac[from] & 0x7f, mac[from + 1], mac[from + 2], mac[from + 3]]);
    let digits = usize::try_from(parameter["valueLength"].as_u64().unwrap()).unwrap();
    let value = format!("{:0digits$}", u64::from(word) % 10_u64.pow(u32::try_from(digits).unwrap()));
    barcode["valuePattern"].as_str().unwrap().replace("{totp_value_0}", &value)
}

fn claims(save_url: &Value) -> (String, Value) {
    let url = save_url.as_str().unwrap();
    assert!(url.len() <= 1_800, "{}", url.len());
    let jwt = url.strip_prefix("https://pay.google.com/gp/v/save/").unwrap();
    let part = |place: usize| -> Value {
        let part = jwt.split('.').nth(place).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!((&part(0)["alg"], &part(0)["typ"]), (&json!("RS256"), &json!("JWT")));
    (jwt.to_owned(), part(1))
}

#[test]
fn the_phone_draws_codes_that_a_till_takes() {
    let google = google();
    let shop = shop_at(&google, &[]);
    let anna = shop.holder("1001");
    shop.give(&anna, "300.00");
    let me = shop.server.as_member("1001");
    let cards = me.get("/v1/me/cards").expect(200).json();
    assert!(cards["items"][0]["wallets"].as_array().unwrap().contains(&json!("google")), "{cards}");

    let taken = ask(&me, &anna).expect(200).json();
    let object = &taken["object"];
    assert_eq!(&google.object(&object["id"]), object, "what is told is what is there");
    let (jwt, claims) = claims(&taken["save_url"]);
    assert!(google.signed(&jwt) && !google.signed(&format!("x{jwt}")));
    let origin = format!("http://{}", shop.server.address());
    let iat = claims["iat"].as_i64().unwrap();
    assert!((iat - shop.server.app.now().timestamp()).abs() < 60);
    assert_eq!(
        claims,
        json!({
            "iss": EMAIL, "aud": "google", "typ": "savetowallet", "iat": iat, "origins": [origin],
            "payload": { "loyaltyObjects": [{ "id": object["id"], "classId": object["classId"] }] },
        })
    );
    assert_eq!((&object["state"], google.classes().len()), (&json!("ACTIVE"), 1));
    assert!(object["id"].as_str().unwrap().starts_with(&format!("{ISSUER}.")));

    // A till takes its code, once, and the server's own codes go on beside it.
    let resolved = |code: &str| shop.program.post("/v1/cards/resolve", &json!({ "code": code }));
    let code = drawn(object, shop.server.app.now());
    assert!(code.len() == 24 && code.starts_with(anna.card.number.as_str()));
    let mut sale = shop.sale(("code", &code), "R-1", "100.00");
    sale["redeem"] = json!("10.00");
    let sold = shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!((&sold["redeemed"], &sold["cashback"]["amount"]), (&json!("10.00"), &json!("4.50")));
    assert_eq!(resolved(&code).problem(409), "code-used");
    assert_eq!(resolved(&shop.code(&anna)).expect(200).json()["may_redeem"], true);
    shop.server.clock.advance(TimeDelta::seconds(30));
    resolved(&drawn(object, shop.server.app.now())).expect(200);
    resolved(&drawn(object, shop.server.app.now() - TimeDelta::minutes(5))).problem(422);

    // Asked again it is the same card, and one device.
    let again = ask(&me, &anna).expect(200).json();
    assert_eq!(again["object"]["id"], object["id"]);
    let devices = me.get("/v1/me/devices").expect(200).json();
    assert_eq!(devices["items"].as_array().unwrap().len(), 1, "{devices}");
    assert_eq!(devices["items"][0]["kind"], "google");
}

#[test]
fn nothing_at_google_says_whose_card_it_is() {
    let google = google();
    let shop = shop_at(&google, &[]);
    let anna = shop.holder("7654321");
    let me = shop.server.as_member("7654321");
    let object = ask(&me, &anna).expect(200).json()["object"].clone();
    let all = format!("{object}{:?}{:?}", google.classes(), google.asked());
    let member = anna.member.0.to_string();
    for personal in [
        "Петрова",
        "Анна",
        "Сергеевна",
        "7654321",
        "@example.org",
        "accountName",
        &member,
        &anna.card.id.to_string(),
    ] {
        assert!(!all.contains(personal), "{personal}: {all}");
    }
    let account = object["accountId"].as_str().unwrap();
    assert!(account.len() == 32 && account.bytes().all(|byte| byte.is_ascii_hexdigit()), "{account}");
}

#[test]
fn a_revoked_wallet_draws_nothing_and_is_told_so() {
    let google = google();
    let shop = shop_at(&google, &[]);
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let first = ask(&me, &anna).expect(200).json()["object"].clone();
    let device = me.get("/v1/me/devices").expect(200).json()["items"][0]["id"].clone();
    me.delete(&format!("/v1/me/devices/{}", device.as_str().unwrap())).expect(204);
    let code = json!({ "code": drawn(&first, shop.server.app.now()) });
    assert_eq!(shop.program.post("/v1/cards/resolve", &code).problem(422), "code-wrong");
    google.wait_until(&first["id"], |object| object["state"] == "INACTIVE");

    // Another one is another card with another secret.
    let second = ask(&me, &anna).expect(200).json()["object"].clone();
    assert_ne!(second["id"], first["id"]);
    assert_ne!(second["accountId"], first["accountId"]);
    assert_ne!(second["rotatingBarcode"], first["rotatingBarcode"]);
    let code = json!({ "code": drawn(&second, shop.server.app.now()) });
    shop.program.post("/v1/cards/resolve", &code).expect(200);
    // What happens now is told of the living one alone.
    shop.give(&anna, "25.00");
    let micros = |object: &Value| object["loyaltyPoints"]["balance"]["money"]["micros"].clone();
    google.wait_until(&second["id"], |object| micros(object) == "25000000");
    assert_eq!(google.object(&first["id"])["state"], "INACTIVE");
}

#[test]
fn the_card_there_shows_what_is_true_now() {
    let google = google();
    let shop = shop_at(&google, &[]);
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let object = ask(&me, &anna).expect(200).json()["object"].clone();
    let zero = json!({ "money": { "micros": "0", "currencyCode": "RUB" } });
    assert_eq!(
        (&object["loyaltyPoints"]["balance"], &object["loyaltyPoints"]["label"]),
        (&zero, &json!("Доступно"))
    );
    let sale = shop.sale(("code", &drawn(&object, shop.server.app.now())), "R-1", "250.00");
    shop.program.post("/v1/purchases", &sale).expect(201);
    let pending = |object: &Value| object["secondaryLoyaltyPoints"]["balance"]["money"]["micros"].clone();
    let told = google.wait_until(&object["id"], |object| pending(object) == "12500000");
    assert_eq!(told["rotatingBarcode"], object["rotatingBarcode"], "the rest stays as it is");

    // Google is away for a while: it is told later.
    google.answers(Some(503));
    let before = google.asked().len();
    shop.give(&anna, "40.00");
    let tried = || google.asked().len() > before;
    harness::until("it is tried", tried);
    google.answers(None);
    let available = |object: &Value| object["loyaltyPoints"]["balance"]["money"]["micros"].clone();
    google.wait_until(&object["id"], |object| {
        // The failure may be noted, and the next try set, after Google answered and after any single step of the clock.
        shop.server.clock.advance(TimeDelta::minutes(10));
        available(object) == "40000000"
    });

    // Signed in an hour and more ago.
    let me = shop.server.as_member("1001");
    me.post(&format!("/v1/me/cards/{}/block", anna.card.id), &json!({ "reason": "lost" })).expect(200);
    google.wait_until(&object["id"], |object| object["state"] == "INACTIVE");
    assert_eq!(ask(&me, &anna).problem(409), "card-blocked");
}

#[test]
fn a_suspended_membership_is_told_and_taken_back_and_leaving_is_told_too() {
    let google = google();
    let shop = shop_at(&google, &[]);
    let anna = shop.holder("1001");
    let object = ask(&shop.server.as_member("1001"), &anna).expect(200).json()["object"].clone();
    assert_eq!(object["state"], "ACTIVE");
    let registrar = shop.server.as_staff(Role::Registrar, Some(ROOT));
    let on = (shop.server.app.now() + TimeDelta::hours(3)).date_naive();
    for (verb, state) in [("suspend", "INACTIVE"), ("resume", "ACTIVE"), ("leave", "INACTIVE")] {
        let path = format!("/v1/members/{}/{verb}", anna.member);
        registrar.post(&path, &json!({ "on": on, "reason": "решение" })).expect(200);
        google.wait_until(&object["id"], |object| object["state"] == state);
    }
}

#[test]
fn balances_stay_here_where_the_settings_say_so() {
    let google = google();
    let shop = shop_at(&google, &[("google_balances", "hidden")]);
    let anna = shop.holder("1001");
    shop.give(&anna, "300.00");
    let me = shop.server.as_member("1001");
    let object = ask(&me, &anna).expect(200).json()["object"].clone();
    assert!(
        object.get("loyaltyPoints").is_none() && object.get("secondaryLoyaltyPoints").is_none(),
        "{object}"
    );
    let code = json!({ "code": drawn(&object, shop.server.app.now()) });
    assert_eq!(shop.program.post("/v1/cards/resolve", &code).expect(200).json()["available"], "300.00");
}

#[test]
fn without_google_there_is_no_card_and_no_device() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let me = shop.server.as_member("1001");
    assert_eq!(ask(&me, &anna).problem(409), "wallet-off");
    let cards = me.get("/v1/me/cards").expect(200).json();
    assert!(!cards.to_string().contains("google"), "{cards}");

    let google = google();
    let shop = shop_at(&google, &[]);
    let anna = shop.holder("1001");
    shop.server.member("1002");
    let me = shop.server.as_member("1001");
    let devices = || me.get("/v1/me/devices").expect(200).json()["items"].as_array().unwrap().len();
    for away in [500, 503, 403, 400] {
        google.answers(Some(away));
        let answer = ask(&me, &anna);
        assert_eq!(slug(&answer.json()), "wallet-away", "{away}");
        assert_eq!((answer.status, answer.header("retry-after"), devices()), (503, "60", 0), "{away}");
    }
    google.answers(None);
    assert_eq!(ask(&shop.server.as_member("1002"), &anna).problem(404), "not-found");
    // Seven phones and the server: there is no room.
    let body = json!({ "card": anna.card.id });
    for _ in 0..7 {
        me.post("/v1/me/devices", &body).expect(201);
    }
    assert_eq!(ask(&me, &anna).problem(409), "too-many-devices");
    let phone = me.get("/v1/me/devices").expect(200).json()["items"][0]["id"].clone();
    me.delete(&format!("/v1/me/devices/{}", phone.as_str().unwrap())).expect(204);
    // Two who ask at once get one card.
    let ids: Vec<Value> = std::thread::scope(|scope| {
        let racing: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(&me, &anna).expect(200).json())).collect();
        racing.into_iter().map(|thread| thread.join().unwrap()["object"]["id"].clone()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(devices(), 7);
}

#[test]
fn settings_that_cannot_be_right_are_told_at_the_start() {
    use unioncard::config::Settings;
    use unioncard::wallets::google::Issuer;
    let google = google();
    let folder = tempfile::tempdir().unwrap();
    let file = |text: &str| {
        let path = folder.path().join("key.json");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let right = google.settings();
    let opened = |name: &'static str, value: String| {
        let data_dir = ("data_dir", folder.path().display().to_string());
        let settings = right.iter().cloned().chain([data_dir, (name, value)]);
        Issuer::of_settings(&Settings::of(settings).unwrap()).map(|issuer| issuer.is_some())
    };
    assert_eq!(opened("google_origins", "https://card.example".to_owned()).ok(), Some(true));
    let key: Value = serde_json::from_str(&std::fs::read_to_string(&right[1].1).unwrap()).unwrap();
    let mut broken = key.clone();
    broken["private_key"] = json!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let mut elsewhere = key.clone();
    elsewhere["token_uri"] = json!("http://example.org/token");
    for (name, value) in [
        ("google_issuer", String::new()),
        ("google_issuer", "issuer".to_owned()),
        ("google_key", String::new()),
        ("google_key", "/nowhere".to_owned()),
        ("google_key", file("{}")),
        ("google_origins", "card.example".to_owned()),
        ("google_origins", "https://card.example/page".to_owned()),
        ("google_url", "http://example.org".to_owned()),
    ] {
        let told = opened(name, value.clone()).expect_err(&value).to_string();
        assert!(told.starts_with(name), "{told}");
    }
    for broken in [broken, elsewhere] {
        let told = opened("google_key", file(&broken.to_string())).expect_err("a broken key").to_string();
        assert!(told.starts_with("google_key") && !told.contains("AAAA"), "{told}");
    }
}
