//! Every bad token of the list of inputs, as a table: what is changed, and that it is refused.

use serde_json::{Value, json};

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_seed("key-0001", &[7; 32]).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "unioncard", "aud": "unioncard-api", "sub": Uuid::nil(), "jti": Uuid::nil(),
        "iat": now().timestamp(), "exp": now().timestamp() + 900, "realm": "member", "sid": Uuid::nil(),
    })
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "key-0001" })
}

/// A token over any header and claims, truly signed.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key().signs, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn changed(base: Value, field: &str, value: Value) -> String {
    let mut object = base;
    match value {
        Value::Null => object.as_object_mut().unwrap().remove(field),
        value => object.as_object_mut().unwrap().insert(field.to_owned(), value),
    };
    object.to_string()
}

#[test]
fn a_token_signed_here_is_understood_here() {
    let (subject, session) = (Uuid::now_v7(), Uuid::now_v7());
    let token = key().sign(Realm::Staff, subject, Some(session), now(), TimeDelta::minutes(15)).unwrap();
    let verified = key().verify(&token, now() + TimeDelta::minutes(14)).unwrap();
    assert_eq!((verified.realm, verified.subject, verified.session), (Realm::Staff, subject, Some(session)));
    assert_eq!(key().verify(&token, now() + TimeDelta::minutes(16)), None);
}

#[test]
fn keys_make_and_check_the_signature_of_rfc_8037() {
    let text = include_str!("../../../tests/data/vectors/rfc8037_eddsa_jws.json");
    let vector: Value = serde_json::from_str(text).unwrap();
    let of = |value: &Value| value.as_str().unwrap().to_owned();
    let seed = URL_SAFE_NO_PAD.decode(of(&vector["jwk"]["d"])).unwrap();
    let key = SigningKey::from_seed("rfc8037", &seed.try_into().unwrap()).unwrap();
    let public = serde_json::to_value(&key.jwk).unwrap();
    assert_eq!((&public["x"], &public["crv"]), (&vector["jwk"]["x"], &vector["jwk"]["crv"]));
    let jws = of(&vector["jws"]);
    let (message, signature) = jws.rsplit_once('.').unwrap();
    assert_eq!(message.split_once('.').unwrap().1, URL_SAFE_NO_PAD.encode(of(&vector["payload"])));
    let made = jsonwebtoken::crypto::sign(message.as_bytes(), &key.signs, Algorithm::EdDSA).unwrap();
    assert_eq!(made, signature, "Ed25519 is deterministic");
    let checks = |signature: &str, message: &str| {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.checks, Algorithm::EdDSA).unwrap()
    };
    assert!(checks(signature, message));
    assert!(!checks(signature, &message.replacen('E', "e", 1)), "another message");
    assert!(key.verify(&jws, now()).is_none(), "rightly signed, and no token of ours all the same");
}

#[test]
fn the_hand_made_token_of_these_tests_is_good_before_it_is_changed() {
    assert!(key().verify(&signed(&header().to_string(), &claims().to_string()), now()).is_some());
}

#[test]
fn a_changed_header_is_refused() {
    let cases = [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("alg", json!("eddsa")),
        ("alg", Value::Null),
        ("typ", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("refresh+jwt")),
        ("kid", Value::Null),
        ("kid", json!("key-0002")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("k".repeat(100_000))),
        ("kid", json!(["key-0001"])),
        ("jku", json!("https://example.org/jwks.json")),
        ("x5u", json!("https://example.org/cert.pem")),
        ("jwk", serde_json::to_value(&key().jwk).unwrap()),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
    ];
    for (field, value) in cases {
        let token = signed(&changed(header(), field, value.clone()), &claims().to_string());
        assert_eq!(key().verify(&token, now()), None, "{field} = {value}");
    }
}

#[test]
fn changed_claims_are_refused() {
    let moment = now().timestamp();
    let cases = [
        ("exp", Value::Null),
        ("exp", json!(moment - 6)),
        ("exp", json!("1790000900")),
        ("exp", json!(1e18)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(moment + 3_601)),
        ("exp", json!(moment)),
        ("iat", Value::Null),
        ("iat", json!(moment + 6)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(-1)),
        ("iss", Value::Null),
        ("iss", json!("somebody")),
        ("iss", json!(["unioncard"])),
        ("aud", Value::Null),
        ("aud", json!("another-api")),
        ("aud", json!([])),
        ("sub", Value::Null),
        ("sub", json!("administrator")),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("nbf", json!(moment + 600)),
        ("realm", Value::Null),
        ("realm", json!("administrator")),
        // Who needs a session can't have a token without one, and a program has none.
        ("sid", Value::Null),
        ("realm", json!("client")),
        ("role", json!("administrator")),
    ];
    for (field, value) in cases {
        let token = signed(&header().to_string(), &changed(claims(), field, value.clone()));
        assert_eq!(key().verify(&token, now()), None, "{field} = {value}");
    }
}

#[test]
fn a_changed_shape_is_refused() {
    let good = signed(&header().to_string(), &claims().to_string());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let other = SigningKey::from_seed("key-0001", &[8; 32]).unwrap();
    let foreign =
        other.sign(Realm::Member, Uuid::nil(), Some(Uuid::nil()), now(), TimeDelta::minutes(15)).unwrap();
    let doubled = header().to_string().replacen('{', "{\"alg\":\"none\",", 1);
    let cases = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!("{good} "),
        format!(" {good}"),
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode("[]")),
        format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode("[]")),
        format!("{head}.{body}.{}", signature.chars().rev().collect::<String>()),
        signed(&doubled, &claims().to_string()),
        signed(&header().to_string(), &changed(claims(), "pad", json!("x".repeat(9_000)))),
        "é".repeat(100),
        foreign,
    ];
    for token in cases {
        assert_eq!(key().verify(&token, now()), None, "{token:.80}");
    }
}

#[test]
fn the_public_key_is_published_without_the_private_one() {
    let jwk = serde_json::to_value(&key().jwk).unwrap();
    assert_eq!((&jwk["kty"], &jwk["crv"], &jwk["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    assert_eq!((&jwk["use"], &jwk["kid"]), (&json!("sig"), &json!("key-0001")));
    assert!(jwk.get("d").is_none());
}
