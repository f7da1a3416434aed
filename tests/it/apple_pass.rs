//! A pass for Apple Wallet: its signature by `openssl`, its manifest by hash, its pictures by size, its words, and what
//! happens without a certificate.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use card_issuer::pass::apple::chain;
use card_issuer::pass::apple::signing::{Signer, SigningError};
use chrono::{DateTime, TimeDelta, Utc};
use image::GenericImageView;
use serde_json::{Value, json};
use shared_kernel::clock::Clock;
use unioncard::config::Settings;
use unioncard::wallets::apple::Issuer;

use crate::apple_support::{AppleShop, CHAIN, PASS_TYPE, TEAM, Unpacked};
use crate::shop::Shop;

fn openssl(arguments: &[&str]) -> Output {
    Command::new("openssl").args(arguments).output().unwrap()
}

/// The file's SHA-1 by another's hand.
fn sha1(path: &Path) -> String {
    let output = openssl(&["dgst", "-sha1", "-r", path.to_str().unwrap()]);
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn a_pass_is_signed_over_the_hashes_of_all_its_files() {
    let apple = AppleShop::open();
    let holder = apple.shop.holder("1001");
    let pass = apple.pass(&holder);
    let folder = tempfile::tempdir().unwrap();
    let manifest: Value = serde_json::from_str(pass.text("manifest.json")).unwrap();
    assert!(
        pass.text("manifest.json").lines().count() > 10,
        "on many lines, as a binary signature must bear"
    );
    let listed: BTreeSet<&str> = manifest.as_object().unwrap().keys().map(String::as_str).collect();
    let others = ["manifest.json", "signature"];
    let files: BTreeSet<&str> =
        pass.0.keys().map(String::as_str).filter(|name| !others.contains(name)).collect();
    assert_eq!(listed, files);
    for name in files {
        assert_eq!(manifest[name], sha1(&pass.write(name, folder.path())), "{name}");
    }
    let (content, signature) =
        (pass.write("manifest.json", folder.path()), pass.write("signature", folder.path()));
    let root = folder.path().join("root.pem");
    std::fs::write(&root, &CHAIN.root).unwrap();
    let (content, signature, root) =
        (content.to_str().unwrap(), signature.to_str().unwrap(), root.to_str().unwrap());
    let verify = |how: &[&str]| {
        let of = ["smime", "-verify", "-binary", "-inform", "DER", "-in", signature, "-content", content];
        openssl(&[&of[..], how].concat())
    };
    for how in [&["-noverify"][..], &["-CAfile", root]] {
        let output = verify(how);
        assert!(output.status.success(), "{how:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, pass.0["manifest.json"]);
    }
    assert!(!verify(&[]).status.success(), "nobody else's roots know it");
    let certificates = openssl(&["pkcs7", "-inform", "DER", "-in", signature, "-print_certs"]);
    let certificates = String::from_utf8(certificates.stdout).unwrap();
    assert_eq!(certificates.matches("BEGIN CERTIFICATE").count(), 2, "{certificates}");
    assert!(certificates.contains(PASS_TYPE) && certificates.contains("WWDR"), "{certificates}");
    let printed = openssl(&["cms", "-cmsout", "-print", "-inform", "DER", "-in", signature]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    for part in ["signingTime", "messageDigest", "contentType", "eContent: <ABSENT>"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let mut changed = pass.0["manifest.json"].clone();
    changed[3] ^= 1;
    std::fs::write(content, changed).unwrap();
    assert!(!verify(&["-noverify"]).status.success(), "a changed manifest is not what was signed");
}

#[test]
fn a_pass_shows_the_card_and_nothing_of_the_person() {
    let apple = AppleShop::open();
    let holder = apple.shop.holder("1001");
    apple.shop.give(&holder, "1250.00");
    let pass = apple.pass(&holder);
    let shown = pass.json();
    let expected = json!({
        "formatVersion": 1, "passTypeIdentifier": PASS_TYPE, "teamIdentifier": TEAM,
        "serialNumber": holder.card.id, "voided": false, "sharingProhibited": true,
        "description": "description",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    assert_eq!(
        shown["barcodes"],
        json!([{ "format": "PKBarcodeFormatQR", "message": holder.card.number.as_str(),
            "messageEncoding": "iso-8859-1", "altText": holder.card.number.grouped() }])
    );
    assert!(shown["authenticationToken"].as_str().unwrap().len() >= 16);
    let address = format!("http://{}/v1/apple", apple.shop.server.address());
    assert_eq!(shown["webServiceURL"], address);
    let expires: DateTime<Utc> = shown["expirationDate"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires, holder.card.ends_at());
    assert_eq!(pass.amount("available"), "1250.00");
    assert_eq!(pass.amount("pending"), "0.00");
    assert_eq!(pass.field("standing"), "standing_member");
    let text = pass.text("pass.json");
    let me = apple.shop.server.as_member("1001").get("/v1/me").expect(200).json();
    for name in ["last_name", "first_name", "membership_number"] {
        assert!(!text.contains(me[name].as_str().unwrap()), "{name}");
    }
    let again = apple.pass(&holder);
    assert_eq!(again.json()["authenticationToken"], shown["authenticationToken"], "it can't change");
}

/// A `pass.strings`, key by key.
fn words(pass: &Unpacked, tongue: &str) -> Vec<(String, String)> {
    let lines = pass.text(&format!("{tongue}.lproj/pass.strings")).lines();
    let word = |line: &str| {
        let parts: Vec<&str> = line.split('"').collect();
        (parts[1].to_owned(), parts[3].to_owned())
    };
    lines.map(word).collect()
}

#[test]
fn every_word_of_a_pass_is_in_both_languages() {
    let apple = AppleShop::open();
    let holder = apple.shop.holder("1001");
    let pass = apple.pass(&holder);
    let (russian, english) = (words(&pass, "ru"), words(&pass, "en"));
    let keys = |words: &[(String, String)]| words.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
    assert_eq!(keys(&russian), keys(&english));
    let said = |words: &[(String, String)], key: &str| {
        words.iter().find(|(known, _)| known == key).map(|(_, text)| text.clone())
    };
    assert_eq!(said(&russian, "available_label").unwrap(), "Доступно");
    assert_eq!(said(&english, "available_label").unwrap(), "Available");
    let shown = pass.json();
    let mut fields = BTreeSet::new();
    for field in shown["storeCard"].as_object().unwrap().values().flat_map(|part| part.as_array().unwrap()) {
        assert!(fields.insert(field["key"].as_str().unwrap()), "{field}: twice");
        let label = field["label"].as_str().unwrap();
        assert!(said(&russian, label).is_some(), "{label}");
        if let Some(message) = field["changeMessage"].as_str() {
            assert!(said(&english, message).unwrap().contains("%@"), "{message}");
        }
    }
    assert!(said(&russian, pass.field("standing").as_str().unwrap()).is_some());
    let cyrillic = |text: &str| text.chars().any(|c| ('а'..='я').contains(&c.to_ascii_lowercase()));
    for ((key, russian), (_, english)) in russian.iter().zip(&english) {
        assert!(cyrillic(russian) || key == "number_label", "{key}: {russian}");
        assert!(!cyrillic(english), "{key}: {english}");
    }
}

#[test]
fn pictures_come_at_one_two_and_three_pixels_a_point() {
    let apple = AppleShop::open();
    let pass = apple.pass(&apple.shop.holder("1001"));
    for (name, width, height) in [("icon", 29, 29), ("logo", 50, 50), ("strip", 375, 144)] {
        for (suffix, times) in [("", 1), ("@2x", 2), ("@3x", 3)] {
            let file = &pass.0[&format!("{name}{suffix}.png")];
            let picture = image::load_from_memory(file).unwrap();
            assert_eq!(picture.dimensions(), (width * times, height * times), "{name}{suffix}");
            let colours: BTreeSet<[u8; 4]> = picture.to_rgba8().pixels().map(|pixel| pixel.0).collect();
            assert!(colours.len() > 3, "{name}{suffix} shows something");
            assert!(file.len() < 60_000, "{name}{suffix}: {} bytes", file.len());
        }
    }
}

#[test]
fn without_a_certificate_there_is_no_pass_and_no_button() {
    let shop = Shop::open();
    let holder = shop.holder("1001");
    let me = shop.server.as_member("1001");
    let path = format!("/v1/me/cards/{}/apple.pkpass", holder.card.id);
    assert_eq!(me.get(&path).problem(409), "wallet-off");
    let russian = me.with("accept-language", "ru").get(&path).expect(409).json();
    assert_eq!(russian["detail"], "Этот кошелёк здесь не подключён");
    assert!(me.get("/v1/me/cards").expect(200).json()["items"][0]["wallets"].is_null());
    for path in
        [format!("passes/{PASS_TYPE}/{}", holder.card.id), format!("devices/d/registrations/{PASS_TYPE}")]
    {
        assert_eq!(shop.server.client().get(&format!("/v1/apple/v1/{path}")).problem(404), "not-found");
    }
    let apple = AppleShop::open();
    apple.shop.holder("1001");
    let cards = apple.shop.server.as_member("1001").get("/v1/me/cards").expect(200).json();
    assert_eq!(cards["items"][0]["wallets"], json!(["apple"]));
    let left = || -> i64 {
        let metrics = apple.shop.server.client().get("/metrics").expect(200).text();
        let line = metrics.lines().find(|line| line.starts_with("unioncard_wallet_certificate_seconds{"));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(left() > 0);
    // The certificate runs out while the program runs.
    apple.shop.server.clock.advance(TimeDelta::days(366 * 12));
    let holder = apple.shop.holder("1002");
    let me = apple.shop.server.as_member("1002");
    let path = format!("/v1/me/cards/{}/apple.pkpass", holder.card.id);
    assert_eq!(me.get(&path).problem(409), "wallet-off");
    assert!(left() < 0);
}

#[test]
fn passes_ask_of_an_address_that_phones_call() {
    for (address, fits) in [
        ("https://card.example.org", true),
        ("http://127.0.0.1:8080", true),
        ("http://card.example.org", false),
        ("http://10.0.0.7:8080", false),
    ] {
        let settings =
            Settings::of([("public_url", address.to_owned()), ("apple_certificate", "/none".to_owned())])
                .unwrap();
        let Err(refused) = Issuer::of_settings(&settings, Clock::system().now()) else { panic!("no file") };
        assert_eq!(refused.to_string().contains("public_url"), !fits, "{address}: {refused}");
    }
}

#[test]
fn a_demo_makes_a_chain_of_its_own_once_and_keeps_it_private() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::of([("data_dir", folder.path().display().to_string())]).unwrap();
    let first = Issuer::self_made(&settings, Clock::system().now()).unwrap();
    assert!(first.signer.pass_type().starts_with("pass.") && !first.pushes());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let chain = folder.path().join("apple");
    assert_eq!(mode(&chain), 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(&chain).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 4);
    let again = Issuer::self_made(&settings, Clock::system().now()).unwrap();
    assert_eq!(again.signer.certificates(), first.signer.certificates(), "made once");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn certificates_are_checked_against_each_other() {
    let now = Clock::system().now();
    let own = &*CHAIN;
    let other = chain::made("pass.org.example.other", TEAM, now).unwrap();
    let read = |certificate: &str, key: &str, above: &str, at| Signer::from_pem(certificate, key, above, at);
    // What a keychain writes around its blocks, and lines ended as Windows does.
    let exported = format!("Bag Attributes\n    friendlyName: x\n{}", own.certificate).replace('\n', "\r\n");
    let signer = read(&exported, &own.key, &own.intermediate, now).unwrap();
    assert_eq!((signer.pass_type(), signer.team()), (PASS_TYPE, TEAM));
    assert!(!format!("{signer:?}").contains(&format!("{:?}", signer.key_der())));
    let refusal = |certificate: &str, key: &str, above: &str| {
        read(certificate, key, above, now).map(|_| ()).unwrap_err()
    };
    assert!(matches!(refusal(&own.certificate, &other.key, &own.intermediate), SigningError::OtherKey));
    assert!(matches!(refusal(&own.certificate, &own.key, &own.root), SigningError::OtherIssuer));
    assert!(matches!(refusal(&own.key, &own.key, &own.intermediate), SigningError::Missing(_)));
    assert!(matches!(refusal(&own.certificate, "", &own.intermediate), SigningError::Missing(_)));
    assert!(matches!(refusal(&own.intermediate, &own.key, &own.root), SigningError::Subject(_)));
    let later = now + TimeDelta::days(366 * 11);
    assert!(matches!(
        read(&own.certificate, &own.key, &own.intermediate, later),
        Err(SigningError::Validity(..))
    ));
    let folder = tempfile::tempdir().unwrap();
    let missing = [
        ("data_dir", folder.path().display().to_string()),
        ("apple_certificate", folder.path().join("none.pem").display().to_string()),
    ];
    let error = Issuer::of_settings(&Settings::of(missing).unwrap(), now).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("apple_certificate: "), "{error}");
}
